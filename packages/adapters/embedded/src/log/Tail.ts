import type { LogRecord } from "./record.ts"

/**
 * The newest durable records, kept as they were written: whoever follows the log closely, as drain and load do, never
 * reads a file. Bounded in bytes; the oldest go first.
 */
export class Tail {
  readonly #records = new Map<number, LogRecord>()
  readonly #limitBytes: number
  #bytes = 0

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  add(sequence: number, flags: number, payload: Uint8Array): void {
    const view = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
    this.#records.set(sequence, { sequence, flags, payload: view })
    this.#bytes += payload.length
    for (const [first, oldest] of this.#records) {
      if (this.#bytes <= this.#limitBytes) return
      this.#records.delete(first)
      this.#bytes -= oldest.payload.length
    }
  }

  forget(): void {
    this.#records.clear()
    this.#bytes = 0
  }

  /** Records from `from` to at most `to`, in order: those that fit in `limitBytes`, at least one; none if `from` is not here. */
  read(from: number, to: number, limitBytes: number): ReadonlyArray<LogRecord> {
    const found: Array<LogRecord> = []
    let bytes = 0
    for (let sequence = from; sequence <= to; sequence++) {
      const record = this.#records.get(sequence)
      if (record === undefined || (found.length > 0 && bytes + record.payload.length > limitBytes)) break
      bytes += record.payload.length
      found.push(record)
    }
    return found
  }
}
