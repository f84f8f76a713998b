import {
  type NoTurn,
  OutOfMemory,
  QueryFailed,
  QuestionsOverloaded,
  QuestionTooExpensive,
  RowsRejected,
  WarehouseError,
  WarehouseOwned,
  WarehouseUnavailable
} from "@millrace/core"

export type Operation = WarehouseError["operation"]

/** A driver's error with the class that DuckDB puts before the colon, like `Conversion Error`. */
export class DriverFailure extends Error {
  readonly kind: string
  constructor(cause: unknown) {
    const message = cause instanceof Error ? cause.message : String(cause)
    super(message, { cause })
    this.kind = /([A-Z][A-Za-z]*(?: [A-Za-z]+)*?) Error:/u.exec(message)?.[1] ?? ""
  }
}

/** What only the rows themselves can cause; everything else is trouble of the machine, the moment or this program. */
const CAUSED_BY_ROWS = new Set(["Conversion", "Invalid Input", "Out of Range", "Constraint", "Staging"])

export const openFailed = (path: string, failure: DriverFailure): WarehouseError =>
  new WarehouseError({
    operation: "open",
    // Not every message with a lock in it: a damaged one names a block.
    reason: /\b(?:set|conflicting) lock\b/iu.test(failure.message)
      ? new WarehouseOwned({ path, cause: new Error(ownedMessage(path, failure), { cause: failure }) })
      : new WarehouseUnavailable({ cause: failure })
  })

const ownedMessage = (path: string, failure: DriverFailure): string => {
  const holder = /PID (\d+)/u.exec(failure.message)?.[1]
  return `${path} is open in another process${holder === undefined ? "" : ` (PID ${holder})`}; DuckDB allows one at a time`
}

export const loadFailed =
  (operation: Operation) =>
  (failure: DriverFailure): WarehouseError =>
    new WarehouseError({
      operation,
      reason: CAUSED_BY_ROWS.has(failure.kind)
        ? new RowsRejected({ cause: failure })
        : isOfMemory(failure)
          ? new OutOfMemory({ cause: failure })
          : new WarehouseUnavailable({ cause: failure })
    })

/** A checkpoint without memory invalidates the database; that its page was too large is so all the same. */
const isOfMemory = ({ kind, message }: DriverFailure): boolean =>
  kind === "Out of Memory" || (kind === "FATAL" && /out of memory|failed to allocate/iu.test(message))

export const readFailed =
  (operation: Operation) =>
  (failure: DriverFailure): WarehouseError =>
    new WarehouseError({ operation, reason: reasonOf(failure) })

const reasonOf = (failure: DriverFailure) => {
  if (failure.kind === "Out of Memory") return new QuestionTooExpensive({ limit: "memory", cause: failure })
  return failure.kind === "IO" || failure.kind === "FATAL"
    ? new WarehouseUnavailable({ cause: failure })
    : new QueryFailed({ cause: failure })
}

export const timedOut = (operation: Operation, millis: number): WarehouseError => {
  const cause = new Error(`the query took longer than ${millis} ms and was stopped`)
  return new WarehouseError({ operation, reason: new QuestionTooExpensive({ limit: "time", cause }) })
}

export const overloaded = (operation: Operation, why: NoTurn): WarehouseError => {
  const cause = new Error(why === "full" ? "too many questions wait" : "the question has waited for too long")
  return new WarehouseError({ operation, reason: new QuestionsOverloaded({ cause }) })
}
