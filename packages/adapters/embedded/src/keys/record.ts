import type { StoredApiKey } from "@millrace/core"
import { Schema } from "effect"
import type { RecordForm } from "./RecordFile.ts"

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

type Keys = Map<string, StoredApiKey>

const applyRecord = (keys: Keys, record: KeyRecord): Keys => {
  const known = keys.get(record.hash)
  if ("revoked_at" in record) {
    if (known !== undefined && known.revoked_at === undefined)
      keys.set(record.hash, { ...known, revoked_at: record.revoked_at })
  } else if (known === undefined) keys.set(record.hash, { ...record, revoked_at: undefined })
  return keys
}

/** API keys by hash. */
export const keyForm: RecordForm<Keys, KeyRecord> = {
  name: "key",
  empty: () => new Map(),
  decode: Schema.decodeUnknownResult(Schema.fromJsonString(KeyRecord)),
  apply: applyRecord
}
