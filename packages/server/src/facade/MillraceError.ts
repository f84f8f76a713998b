import { BadParameter, EventQueueError, EventStoreError, WarehouseError } from "@millrace/core"
import { type ProblemCode, problemCode } from "@millrace/core/wire"
import { Refusal } from "../http/Refusal.ts"
import { refuseQueue } from "../routes/events.ts"
import { refuseParameter, refuseWarehouse } from "../routes/stats.ts"

/**
 * `closed`: the instance was closed. `directory_in_use`: another process, or another instance in this one, has its folder.
 * `not_opened`: its adapters could not be opened. `invalid_argument`: an option or an argument that types would have
 * refused; `field` names it. `queue_broken`: the log's disk failed, and nothing is accepted until the instance is
 * closed and made again. The rest as over HTTP.
 */
export type MillraceErrorCode =
  | ProblemCode
  | "closed"
  | "directory_in_use"
  | "invalid_argument"
  | "not_opened"
  | "queue_broken"

/** Error that every promise of the facade rejects with. */
export class MillraceError extends Error {
  override readonly name = "MillraceError"
  readonly code: MillraceErrorCode
  /** The refused parameter, where there is one. */
  readonly field: string | undefined
  /** The same call may succeed later; events keep their ids, so sending them again costs nothing. */
  readonly retryable: boolean

  constructor(
    code: MillraceErrorCode,
    message: string,
    more: { readonly field?: string; readonly cause?: unknown } = {}
  ) {
    super(message, { cause: more.cause })
    this.code = code
    this.field = more.field
    this.retryable = RETRYABLE.has(code)
  }
}

const RETRYABLE = new Set<MillraceErrorCode>([
  "queue_full",
  "queue_unavailable",
  "publish_unconfirmed",
  "overloaded",
  "warehouse_unavailable"
])

const fromRefusal = ({ problem }: Refusal, cause?: unknown): MillraceError => {
  const field = problem.errors[0]?.path.slice(1)
  return new MillraceError(problemCode(problem.type) ?? "internal", problem.detail, {
    ...(field === undefined || field === "" ? {} : { field }),
    cause
  })
}

/** Any failure → the one error type; the original is its `cause`. */
export const explain = (error: unknown): MillraceError => {
  if (error instanceof MillraceError) return error
  if (error instanceof BadParameter) return fromRefusal(refuseParameter(error), error)
  if (error instanceof EventQueueError && error.reason._tag === "QueueBroken") {
    return new MillraceError("queue_broken", error.reason.message, { cause: error })
  }
  if (error instanceof EventQueueError) return fromRefusal(refuseQueue(error), error)
  if (error instanceof WarehouseError) return fromRefusal(refuseWarehouse(error), error)
  const message = error instanceof Error ? error.message : String(error)
  if (error instanceof EventStoreError && error.retryable) {
    return new MillraceError("warehouse_unavailable", message, { cause: error })
  }
  return new MillraceError("internal", message, { cause: error })
}
