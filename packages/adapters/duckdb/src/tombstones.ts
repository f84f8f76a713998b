import { type Erasure, IDENTIFY, Tombstones } from "@millrace/core"
import { keyedHash, newHashKey } from "@millrace/core/node"
import { Effect } from "effect"
import type { Connection } from "./client.ts"

/** The file's tombstones; its key is made when the file is opened to be written for the first time. */
export const readTombstones = Effect.fnUntraced(function* (connection: Connection, keep = true) {
  const known = yield* connection.rows("SELECT hex(key) AS key FROM erasure_state")
  const hex = known[0]?.["key"]
  const key = hex === undefined ? newHashKey() : new Uint8Array(Buffer.from(String(hex), "hex"))
  if (hex === undefined && keep) {
    yield* connection.rows("INSERT INTO erasure_state VALUES (unhex($1), false)", [Buffer.from(key).toString("hex")])
  }
  const rows = yield* connection.rows("SELECT hash, until FROM erasures")
  const tombstones = rows.map((row) => ({ hash: String(row["hash"]), until: Number(row["until"]) }))
  return new Tombstones(keyedHash(key), tombstones)
})

export const isRewriteDue = (connection: Connection) =>
  Effect.map(connection.rows("SELECT rewrite_due AS due FROM erasure_state"), ([row]) => row?.["due"] === true)

export const writeTombstones = Effect.fnUntraced(function* (
  connection: Connection,
  { hash }: Tombstones,
  { project_id, until, user_ids }: Erasure
) {
  for (const user_id of user_ids) {
    const hashed = hash(project_id, user_id)
    yield* connection.rows("DELETE FROM erasures WHERE hash = $1", [hashed])
    yield* connection.rows("INSERT INTO erasures VALUES ($1, $2)", [hashed, until])
  }
})

/** As `Identities` reads it: text, or nobody. */
export const NAMED_ID =
  "CASE WHEN json_type(properties, '/anonymous_id') = 'VARCHAR' THEN json_extract_string(properties, '/anonymous_id') END"

const OLD = "(occurred_at <= make_timestamp($1::BIGINT) OR received_at <= make_timestamp($1::BIGINT))"

/** Whoever has an event in the page that is older than the latest erasure, or is named in such an `$identify`. */
const SUSPECTS = `
  SELECT DISTINCT encode(project_id) AS project_id, encode(user_id) AS user_id FROM (
    SELECT project_id, user_id FROM page WHERE ${OLD}
    UNION ALL
    SELECT project_id, ${NAMED_ID} FROM page WHERE event_type = $2 AND ${OLD}
  ) AS named WHERE user_id IS NOT NULL`

/** Redacts those rows of the table `page` that are erased. */
export const hideErasedRows = Effect.fnUntraced(function* (connection: Connection, tombstones: Tombstones) {
  if (tombstones.size === 0) return
  const suspects = yield* connection.rows(SUSPECTS, [tombstones.newest, IDENTIFY])
  const covered = suspects.flatMap((row) => {
    const [project_id, user_id] = [String(row["project_id"]), String(row["user_id"])]
    const until = tombstones.untilOf(project_id, user_id)
    return Number.isFinite(until) ? [{ project_id, user_id, until }] : []
  })
  if (covered.length > 0) yield* connection.rows(VEIL, [JSON.stringify(covered), IDENTIFY])
})

const VEIL = `
  UPDATE page SET event_type = '', user_id = '', properties = '{}' FROM (
    SELECT one.* FROM (
      SELECT unnest(from_json($1::JSON, '[{"project_id":"VARCHAR","user_id":"VARCHAR","until":"BIGINT"}]')) AS one
    ) AS rows
  ) AS erased
  WHERE page.project_id = erased.project_id
    AND (page.user_id = erased.user_id
      OR (page.event_type = $2 AND ${NAMED_ID} = erased.user_id))
    AND (page.occurred_at <= make_timestamp(erased.until) OR page.received_at <= make_timestamp(erased.until))`
