import { Effect } from "effect"
import type { Connection } from "./client.ts"
import { dayOf } from "./day.ts"
import { countOf, type Piece } from "./Pieces.ts"

const ID_BYTES = 16

/** Says of each event in turn, in the order of the pieces, whether it is the first with its id. */
export type IsFirst = (project_id: string, ids: Uint8Array, index: number) => boolean

/**
 * Enters the identities of all pieces; of those that are there already, or twice in here, only the first is new. Ids of a
 * transaction that still runs are waited for. Always in the order of the key, or two appends would deadlock.
 */
export const identify = Effect.fnUntraced(function* (connection: Connection, pieces: ReadonlyArray<Piece>) {
  const projects = Map.groupBy(pieces, ({ batch }) => batch.project_id)
  const fresh = new Map<string, Set<string> | "all">()
  for (const project of [...projects.keys()].toSorted()) {
    const own = projects.get(project)!
    const day = dayOf(Math.max(...own.map(({ batch }) => batch.received_at)))
    const [row] = yield* connection.rows(INSERT, [project, uuidArray(own), day])
    const ids = Buffer.from(String(row?.["ids"] ?? ""), "hex")
    fresh.set(project, ids.length === ID_BYTES * countOf(own) ? "all" : keysOf(ids))
  }
  const isFirst: IsFirst = (project_id, ids, index) => {
    const known = fresh.get(project_id)!
    return known === "all" || known.delete(keyAt(ids, index))
  }
  return isFirst
})

const INSERT = {
  name: "identify",
  text: `
    WITH fresh AS (
      INSERT INTO identities (project_id, event_id, received_on)
      SELECT $1, id, DATE 'epoch' + $3::int FROM unnest($2::uuid[]) AS id ORDER BY id
      ON CONFLICT DO NOTHING
      RETURNING event_id
    )
    SELECT encode(string_agg(uuid_send(event_id), ''), 'hex') AS ids FROM fresh`
}

const keyAt = (ids: Uint8Array, index: number): string =>
  Buffer.from(ids.buffer, ids.byteOffset + index * ID_BYTES, ID_BYTES).toString("latin1")

const keysOf = (ids: Buffer): Set<string> => {
  const keys = new Set<string>()
  for (let index = 0; index < ids.length / ID_BYTES; index++) keys.add(keyAt(ids, index))
  return keys
}

const UUID_TYPE = 2950
const ARRAY_HEADER_BYTES = 20

/** PostgreSQL's binary form of `uuid[]`: one dimension, no nulls, first index 1. */
const uuidArray = (pieces: ReadonlyArray<Piece>): Buffer => {
  const count = countOf(pieces)
  const array = Buffer.allocUnsafe(ARRAY_HEADER_BYTES + count * (4 + ID_BYTES))
  let at = 0
  for (const value of [1, 0, UUID_TYPE, count, 1]) at = array.writeInt32BE(value, at)
  for (const { batch, end, start } of pieces) {
    const { ids } = batch
    for (let index = start; index < end; index++) {
      at = array.writeInt32BE(ID_BYTES, at)
      array.set(ids.subarray(index * ID_BYTES, (index + 1) * ID_BYTES), at)
      at += ID_BYTES
    }
  }
  return array
}
