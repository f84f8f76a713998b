import {
  OutOfMemory,
  QueryFailed,
  QuestionsOverloaded,
  QuestionTooExpensive,
  RowsRejected,
  WarehouseError,
  WarehouseUnavailable
} from "@millrace/core"
import { type DriverFailure, isRefusal } from "../errors.ts"

export type Operation = WarehouseError["operation"]

/** SQLSTATEs: a statement that was stopped, no memory, more on disk than one may take. */
const STOPPED = "57014"
const NO_MEMORY = "53200"
const OVER_LIMIT = "53400"

export const loadFailed =
  (operation: Operation) =>
  (failure: DriverFailure): WarehouseError =>
    new WarehouseError({ operation, reason: loadReasonOf(failure) })

const loadReasonOf = (failure: DriverFailure) => {
  if (isRefusal(failure)) return new RowsRejected({ cause: failure })
  return failure.code === NO_MEMORY ? new OutOfMemory({ cause: failure }) : new WarehouseUnavailable({ cause: failure })
}

export const readFailed =
  (operation: Operation) =>
  (failure: DriverFailure): WarehouseError =>
    new WarehouseError({ operation, reason: readReasonOf(failure) })

/** Five characters, a digit among them: the driver's own codes, like `EPIPE`, have none. */
const SQLSTATE = /^(?=.*\d)[0-9A-Z]{5}$/u

/** Classes of SQLSTATEs that tell of a connection, of the server's resources, or of somebody who intervened. */
const PASSING = new Set(["08", "53", "57"])

const readReasonOf = (failure: DriverFailure) => {
  const { code } = failure
  if (code === STOPPED) return new QuestionTooExpensive({ limit: "time", cause: failure })
  if (code === NO_MEMORY || code === OVER_LIMIT) return new QuestionTooExpensive({ limit: "memory", cause: failure })
  return SQLSTATE.test(code) && !PASSING.has(code.slice(0, 2))
    ? new QueryFailed({ cause: failure })
    : new WarehouseUnavailable({ cause: failure })
}

/** The server did not stop it by itself. */
export const timedOut = (operation: Operation, millis: number): WarehouseError => {
  const cause = new Error(`the query took longer than ${millis} ms and was stopped`)
  return new WarehouseError({ operation, reason: new QuestionTooExpensive({ limit: "time", cause }) })
}

export const overloaded = (operation: Operation, why: "full" | "late"): WarehouseError => {
  const cause = new Error(why === "full" ? "too many questions wait" : "the question has waited for too long")
  return new WarehouseError({ operation, reason: new QuestionsOverloaded({ cause }) })
}
