import { crc32 } from "node:zlib"
import type { StoredApiKey } from "@millrace/core"
import { Result, Schema } from "effect"

const Created = Schema.Struct({
  hash: Schema.String,
  project_id: Schema.String,
  scope: Schema.Literals(["write", "read", "admin"]),
  prefix: Schema.String,
  origins: Schema.Array(Schema.String),
  created_at: Schema.Int
})
const Revoked = Schema.Struct({ hash: Schema.String, revoked_at: Schema.Int })
const KeyRecord = Schema.Union([Created, Revoked])
export type KeyRecord = typeof KeyRecord.Type

const decode = Schema.decodeUnknownResult(Schema.fromJsonString(KeyRecord))

/** A line that a crash cut short is ended by this, and passed over from then on. */
export const CANCEL = "\u0018\n"

const sumOf = (json: string) => crc32(json).toString(16).padStart(8, "0")

/** `<crc32, 8 hex digits> <json>\n` */
export const encodeRecord = (record: KeyRecord): string => {
  const json = JSON.stringify(record)
  return `${sumOf(json)} ${json}\n`
}

const decodeLine = (line: string, number: number): KeyRecord => {
  const json = line.slice(9)
  const decoded = sumOf(json) === line.slice(0, 8) ? decode(json) : undefined
  if (decoded !== undefined && Result.isSuccess(decoded)) return decoded.success
  // Never passed over: it may be the line that revokes a key.
  throw new Error(`line ${number} of the key file is damaged`)
}

/** The keys that a file's text tells of. What follows the last line end was never acknowledged. Throws on damage. */
export const foldRecords = (text: string): Map<string, StoredApiKey> => {
  const keys = new Map<string, StoredApiKey>()
  for (const [index, line] of text.split("\n").slice(0, -1).entries()) {
    if (line.endsWith(CANCEL[0]!)) continue
    const record = decodeLine(line, index + 1)
    const known = keys.get(record.hash)
    if ("revoked_at" in record) {
      if (known !== undefined && known.revoked_at === undefined)
        keys.set(record.hash, { ...known, revoked_at: record.revoked_at })
    } else if (known === undefined) keys.set(record.hash, { ...record, revoked_at: undefined })
  }
  return keys
}
