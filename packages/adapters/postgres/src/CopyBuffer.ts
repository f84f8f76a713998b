import type { Event } from "@millrace/core"

/** Signature, flags and extension length of PostgreSQL's binary COPY format. */
const HEADER = Buffer.from("PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0", "latin1")
const COLUMNS = 9
const ID_BYTES = 16
/** Everything of a row but its texts: the column count, nine lengths and the fixed-size values. */
const FIXED_BYTES = 2 + 4 * COLUMNS + ID_BYTES + 4 + 3 * 8
const UTF8_BYTES_PER_UNIT = 3
const TWO_TO_32 = 4_294_967_296

/** The columns that {@link CopyBuffer.row} writes, in its order. */
export const COPY_COLUMNS =
  "n, project_id, event_id, occurred_at, user_id, event_type, properties, received_at, skew_micros"

/** The server takes no message of a gigabyte, and one buffer for all rows would be copied as it grows. */
const CHUNK_BYTES = 1_048_576

/** Rows in PostgreSQL's binary COPY format, straight from the batch: no text form is made for the server to parse. */
export class CopyBuffer {
  readonly #full: Array<Buffer> = []
  #buffer = Buffer.allocUnsafe(64 * 1024)
  #at = HEADER.copy(this.#buffer)
  #bytesBefore = 0
  #rows = 0

  get rows(): number {
    return this.#rows
  }

  get bytes(): number {
    return this.#bytesBefore + this.#at
  }

  /** `ids` holds 16 bytes an event; `index` is this one's. */
  row(n: number, event: Event, ids: Uint8Array, index: number) {
    const { event_type, project_id, properties, user_id } = event
    const units = project_id.length + user_id.length + event_type.length + properties.length
    this.#reserve(FIXED_BYTES + units * UTF8_BYTES_PER_UNIT)
    this.#at = this.#buffer.writeInt16BE(COLUMNS, this.#at)
    this.#int32(4)
    this.#int32(n)
    this.#text(project_id)
    this.#int32(ID_BYTES)
    this.#buffer.set(ids.subarray(index * ID_BYTES, (index + 1) * ID_BYTES), this.#at)
    this.#at += ID_BYTES
    this.#int64(event.occurred_at)
    this.#text(user_id)
    this.#text(event_type)
    this.#text(properties)
    this.#int64(event.received_at)
    this.#int64(event.skew_micros)
    this.#rows++
  }

  /** The whole stream in chunks, with its end mark. */
  finish(): ReadonlyArray<Buffer> {
    this.#reserve(2)
    this.#at = this.#buffer.writeInt16BE(-1, this.#at)
    return [...this.#full, this.#buffer.subarray(0, this.#at)]
  }

  #reserve(bytes: number) {
    if (this.#at + bytes <= this.#buffer.length) return
    this.#full.push(this.#buffer.subarray(0, this.#at))
    this.#bytesBefore += this.#at
    this.#buffer = Buffer.allocUnsafe(Math.max(CHUNK_BYTES, bytes))
    this.#at = 0
  }

  #int32(value: number) {
    this.#at = this.#buffer.writeInt32BE(value, this.#at)
  }

  #int64(value: number) {
    const high = Math.floor(value / TWO_TO_32)
    this.#int32(8)
    this.#int32(high)
    this.#at = this.#buffer.writeUInt32BE(value - high * TWO_TO_32, this.#at)
  }

  #text(value: string) {
    const written = this.#buffer.write(value, this.#at + 4)
    this.#at = this.#buffer.writeInt32BE(written, this.#at) + written
  }
}
