import type { OpenFile } from "@millrace/core/node"
import { RECORD_HEADER_BYTES, recordBytesAt } from "./record.ts"

export const WINDOW_BYTES = 1 << 20

/** Reads a file that nobody writes to, front to back, through one buffer that is no larger than it has to be. */
export class Window {
  readonly #file: OpenFile
  readonly #sizeBytes: number
  #buffer: Buffer
  #start = 0
  #length = 0

  private constructor(file: OpenFile, sizeBytes: number) {
    this.#file = file
    this.#sizeBytes = sizeBytes
    this.#buffer = Buffer.allocUnsafe(Math.min(WINDOW_BYTES, sizeBytes))
  }

  static async open(file: OpenFile): Promise<Window> {
    return new Window(file, await file.size())
  }

  /** `bytes` from `position` on, or fewer at the end of the file; a view, valid until the next call. */
  async at(position: number, bytes: number): Promise<Buffer> {
    if (!this.holds(position, bytes)) {
      const there = Math.min(bytes, this.#sizeBytes - position)
      if (there > this.#buffer.length) this.#buffer = Buffer.allocUnsafe(there)
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
