import type { EventBatch } from "@millrace/core"

/** One record as it was read back. */
export interface StoredBatch {
  readonly sequence: number
  readonly batch: EventBatch
}
