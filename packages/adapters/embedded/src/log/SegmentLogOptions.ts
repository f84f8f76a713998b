import type { Files } from "@millrace/core/node"
import type { Reader } from "./scan.ts"

export interface SegmentLogOptions extends Partial<Reader> {
  readonly directory: string
  /** Its name, a UUID; the one that its files tell, or a new one, where it is not given. */
  readonly id?: string | undefined
  readonly segmentBytes: number
  /** Of all records; nothing is accepted beyond. */
  readonly maxBytes: number
  /** Of what waits to be written; nothing is accepted beyond. */
  readonly maxPendingBytes: number
  readonly files?: Files | undefined
  /** From the caller's own durable note of an earlier {@link SegmentLog.drop}; 0 for none. */
  readonly droppedUpTo?: number
  /** Whether its first segment was ever made: then there is one. */
  readonly made?: boolean
  /**
   * What is true of all durable records, for the header of the next group: of all there is to tell, or of what changed since it
   * was last asked. Read back by `onNote`.
   */
  readonly note?: ((everything: boolean) => Uint8Array) | undefined
}
