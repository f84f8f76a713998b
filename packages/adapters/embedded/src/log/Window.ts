import type { OpenFile } from "@millrace/core/node"
import { RECORD_HEADER_BYTES, recordBytesAt } from "./record.ts"

export const WINDOW_BYTES = 1 << 20

/** Reads a file front to back through one bounded buffer. */
export class Window {
  readonly #file: OpenFile
  #buffer = Buffer.allocUnsafe(WINDOW_BYTES)
  #start = 0
  #length = 0

  constructor(file: OpenFile) {
    this.#file = file
  }

  /** `bytes` from `position` on, or fewer at the end of the file; a view, valid until the next call. */
  async at(position: number, bytes: number): Promise<Buffer> {
    if (!this.holds(position, bytes)) {
      if (bytes > this.#buffer.length) this.#buffer = Buffer.allocUnsafe(bytes)
      this.#start = position
      this.#length = await this.#file.read(this.#buffer, position)
    }
    return this.view(position, bytes)
  }

  holds(position: number, bytes: number): boolean {
    return position >= this.#start && position + bytes <= this.#start + this.#length
  }

  view(position: number, bytes: number): Buffer {
    const from = position - this.#start
    return this.#buffer.subarray(from, Math.min(from + bytes, this.#length))
  }

  /** Whether a whole record at `position` can be had by {@link view}: scanning must not wait for each one. */
  holdsRecord(position: number): boolean {
    if (!this.holds(position, RECORD_HEADER_BYTES)) return false
    return this.holds(position, recordBytesAt(this.#buffer, position - this.#start))
  }
}

const ZEROS = Buffer.alloc(WINDOW_BYTES)

export const isZero = (bytes: Buffer): boolean => bytes.equals(ZEROS.subarray(0, bytes.length))
