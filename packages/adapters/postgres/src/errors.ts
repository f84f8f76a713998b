import { EventStoreError, StoreRejected, StoreUnavailable } from "@millrace/core"

export type Operation = EventStoreError["operation"]

/** An error of the driver, the server or the encoding, with its SQLSTATE, or `data` where a batch could not be encoded. */
export class DriverFailure extends Error {
  readonly code: string
  constructor(cause: unknown, code?: string) {
    super(cause instanceof Error ? cause.message : String(cause), { cause })
    this.code = code ?? (cause instanceof Error && "code" in cause ? String(cause.code) : "")
  }
}

/** SQLSTATE: five characters, the first two are its class. */
const SQLSTATE = /^[0-9A-Z]{5}$/u

/**
 * Classes that the rows themselves cause: data exception, constraint violation, limit exceeded. All others (connection,
 * resources, deadlock, shutdown, also a missing table or right) pass, or an operator ends them: no event is to be set
 * aside for those.
 */
const CAUSED_BY_ROWS = new Set(["22", "23", "54"])

export const isRefusal = ({ code }: DriverFailure) =>
  code === "data" || (SQLSTATE.test(code) && CAUSED_BY_ROWS.has(code.slice(0, 2)))

export const storeFailed =
  (operation: Operation) =>
  (failure: DriverFailure): EventStoreError =>
    new EventStoreError({
      operation,
      reason: isRefusal(failure) ? new StoreRejected({ cause: failure }) : new StoreUnavailable({ cause: failure })
    })

/** For what the operator must mend before a retry helps. */
export const refused = (operation: Operation, message: string): EventStoreError =>
  new EventStoreError({ operation, reason: new StoreRejected({ cause: new Error(message) }) })
