import type { Problem } from "@millrace/core/wire"

/** Request that was answered, or cut off, without a handler; `problem` is undefined where nobody could be told. */
export interface Ended {
  readonly problem: Problem | undefined
  readonly reason: string
  readonly request_id: string
}
