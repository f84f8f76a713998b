import type { Files } from "@millrace/core/node"
import type { ScannedRecord } from "./scan.ts"

export interface SegmentLogOptions {
  readonly directory: string
  readonly segmentBytes: number
  /** Of all records; nothing is accepted beyond. */
  readonly maxBytes: number
  /** Of what waits to be written; nothing is accepted beyond. */
  readonly maxPendingBytes: number
  readonly files?: Files
  /** From the caller's own durable note of an earlier {@link SegmentLog.drop}; 0 for none. */
  readonly droppedUpTo?: number
  /** Each retained record in order; the payload is a view, valid during the call. */
  readonly onRecord?: (record: ScannedRecord) => void
}
