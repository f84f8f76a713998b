import type { Files } from "@millrace/core/node"
import { Flag } from "../log/record.ts"
import type { Reader, ScannedRecord } from "../log/scan.ts"
import { SegmentLog } from "../log/SegmentLog.ts"
import { readSurvivors, segmentFiles } from "./survivors.ts"

interface CopyOptions extends Reader {
  readonly files: Files
  readonly from: string
  readonly to: string
  readonly id: string
  readonly segmentBytes: number
  /** Records up to it were dropped in time, and are not missed. */
  readonly droppedUpTo: number
  /** Records up to it were there: what is missing of them is stood for, so that no position is given twice. */
  readonly countedUpTo: number
  /** Stands for a record that is lost. */
  readonly standIn: Uint8Array
}

export interface Copied {
  readonly last: number
  readonly copied: number
  /** Sequences that are lost: inclusive ranges. */
  readonly lost: ReadonlyArray<readonly [number, number]>
}

/** Of what waits to be written, in the memory of this process. */
const WAITING_BYTES = 32 << 20

/** Writes what is intact of a log into a new one, each record at its old position. */
export const copySurvivors = async (options: CopyOptions): Promise<Copied> => {
  const { countedUpTo, droppedUpTo, files, from, to } = options
  const log = await SegmentLog.open({
    directory: to,
    files,
    id: options.id,
    segmentBytes: options.segmentBytes,
    droppedUpTo,
    maxBytes: Number.MAX_SAFE_INTEGER,
    maxPendingBytes: Number.MAX_SAFE_INTEGER
  })
  try {
    const writer = new Writer(log, options.standIn, droppedUpTo)
    for (const segment of await segmentFiles(files, from)) {
      if (segment.format === undefined) continue
      // In the order of the file: a note is true of what was told before it.
      const found: Array<() => Promise<void>> = []
      const reader = {
        onNote: (note: Buffer, next: number) => {
          const kept = Buffer.from(note)
          found.push(async () => options.onNote?.(kept, next))
        },
        onRecord: (record: ScannedRecord) => {
          const kept = { ...record, payload: Buffer.from(record.payload) }
          found.push(async () => {
            if (await writer.put(kept)) options.onRecord(kept)
          })
        }
      }
      await readSurvivors(files, { ...segment, format: segment.format }, reader)
      for (const tell of found) await tell()
    }
    await writer.fill(countedUpTo)
    return { last: log.last, copied: writer.copied, lost: writer.lost }
  } finally {
    await log.close()
  }
}

class Writer {
  copied = 0
  readonly lost: Array<readonly [number, number]> = []
  readonly #log: SegmentLog
  readonly #standIn: Uint8Array
  #last: number
  #waiting: Array<Promise<void>> = []
  #waitingBytes = 0

  constructor(log: SegmentLog, standIn: Uint8Array, last: number) {
    this.#log = log
    this.#standIn = standIn
    this.#last = last
  }

  /** False for one that is there already. */
  async put({ flags, payload, sequence }: ScannedRecord): Promise<boolean> {
    if (sequence <= this.#last) return false
    await this.#standInUpTo(sequence - 1)
    await this.#append(payload, flags & (Flag.user | Flag.lost))
    this.copied++
    return true
  }

  /** Ends the copy. */
  async fill(upTo: number): Promise<void> {
    await this.#standInUpTo(upTo)
    await this.#written()
  }

  async #standInUpTo(upTo: number): Promise<void> {
    if (upTo > this.#last) this.lost.push([this.#last + 1, upTo])
    // Stored at once: nobody is to take it.
    while (this.#last < upTo) await this.#append(this.#standIn, Flag.user | Flag.lost)
  }

  async #append(payload: Uint8Array, flags: number): Promise<void> {
    this.#last++
    this.#waitingBytes += payload.length
    const written = new Promise<void>((resolve, reject: (error: Error) => void) =>
      this.#log.append([payload], (error) => (error === undefined ? resolve() : reject(error)), flags)
    )
    this.#waiting.push(written)
    if (this.#waitingBytes > WAITING_BYTES) await this.#written()
  }

  async #written(): Promise<void> {
    await Promise.all(this.#waiting.splice(0))
    this.#waitingBytes = 0
  }
}
