import { randomBytes } from "node:crypto"
import { crc32 } from "node:zlib"

const BYTES = 16

/** What makes a log's records its own. */
export interface LogKey {
  /** Its name: a UUID's bytes. */
  readonly id: Buffer
  /**
   * Known to nobody outside its files. It stands in every header, so that no bytes which a client sends can pass for one, and
   * begins every checksum.
   */
  readonly salt: Buffer
  /** The checksum of the salt. */
  readonly seed: number
}

export const KEY_BYTES = 2 * BYTES
export const SALT_BYTES = BYTES

export const makeKey = (id: Uint8Array, salt: Uint8Array = randomBytes(BYTES)): LogKey => ({
  id: Buffer.from(id),
  salt: Buffer.from(salt),
  seed: crc32(salt)
})

export const keyFrom = (bytes: Buffer): LogKey => makeKey(bytes.subarray(0, BYTES), bytes.subarray(BYTES, KEY_BYTES))

/** As `LogKey.id` of a log that has a name in the text form of a UUID. */
export const idBytes = (uuid: string): Buffer => Buffer.from(uuid.replaceAll("-", ""), "hex")

export const idText = ({ id }: LogKey): string =>
  id.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/u, "$1-$2-$3-$4-$5")
