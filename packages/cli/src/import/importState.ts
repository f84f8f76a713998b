import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"
import { Option, Schema } from "effect"

/** How far an interrupted import is safe. A newer run with the same fingerprint goes on from here. */
export const ImportState = Schema.Struct({
  version: Schema.Literal(1),
  /** Of the file, the mapping and the target: any difference starts over, which the ids make exact. */
  fingerprint: Schema.String,
  /** Bytes of the inflated file. */
  offset: Schema.Int,
  lines: Schema.Int,
  rows: Schema.Int,
  columns: Schema.optionalKey(Schema.Array(Schema.String)),
  accepted: Schema.Int,
  rejected: Schema.Int,
  /** Length of the rejects file when this was written. */
  rejectsBytes: Schema.Int
})
export type ImportState = typeof ImportState.Type

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(ImportState))

/** A missing, torn or foreign file is no state. */
export const readState = (path: string, fingerprint: string): Option.Option<ImportState> => {
  try {
    return decode(readFileSync(path, "utf8")).pipe(Option.filter((state) => state.fingerprint === fingerprint))
  } catch {
    return Option.none()
  }
}

/** By rename, so that a kill leaves the old state or the new one. */
export const writeState = (path: string, state: ImportState): void => {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(`${path}.new`, JSON.stringify(state))
  renameSync(`${path}.new`, path)
}

export const removeState = (path: string): void => rmSync(path, { force: true })
