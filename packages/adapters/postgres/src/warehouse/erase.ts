import { type Erasure, IDENTIFY } from "@millrace/core"
import { Effect } from "effect"
import type { Connection, Database } from "../client.ts"
import { markDue, readMark, rewriteTables } from "../erase.ts"
import type { Erasures } from "../erasures.ts"
import { rebuildIdentities } from "./identities.ts"
import { lockState } from "./state.ts"

/** All of a table is read, and then written anew. */
const WITHIN_MILLIS = 3_600_000

/** Tables in which ids or properties of users lie. */
const TABLES = ["events", "identities", "known_users"]

/**
 * Deletes events and tells who is not to come back, in one transaction with what was derived from events; then the tables'
 * files are written anew, since a DELETE leaves the old versions in them. Returns how many events.
 */
export const eraseUser = Effect.fnUntraced(function* (database: Database, erasures: Erasures, erasure: Erasure) {
  const { events, xid } = yield* database.transaction(
    (connection) => deleteUser(connection, erasures, erasure),
    WITHIN_MILLIS
  )
  yield* erasures.refresh
  const mark = yield* database.use(readMark)
  if (mark !== undefined) yield* rewriteTables(database, TABLES, { xid, mark })
  return events
})

const deleteUser = Effect.fnUntraced(function* (
  connection: Connection,
  { tombstones }: Erasures,
  { project_id, until, user_ids }: Erasure
) {
  yield* connection.rows({ text: "SET LOCAL statement_timeout = 0" })
  yield* lockState(connection)
  const [row] = yield* connection.rows(DELETE, [project_id, user_ids, until, IDENTIFY])
  const events = Number(row?.["events"])
  if (events > 0) {
    yield* rebuildIdentities(connection, project_id)
    yield* markDue(connection)
  }
  const hashes = user_ids.map((user_id) => tombstones.hash(project_id, user_id))
  yield* connection.rows({ text: "DELETE FROM erasures WHERE hash = ANY ($1::text[]) AND until <= $2::bigint" }, [
    hashes,
    until
  ])
  yield* connection.rows(BURY, [hashes, until])
  return { events, xid: String(row?.["xid"]) }
})

const BURY = { text: "INSERT INTO erasures (hash, until) SELECT unnest($1::text[]), $2::bigint" }

/** An `$identify` that names an erased id holds it as well. */
const DELETE = {
  text: `
    WITH gone AS (
      DELETE FROM events
      WHERE project_id = $1 AND (occurred_at <= $3::bigint OR received_at <= $3::bigint)
        AND (user_id = ANY ($2::text[]) OR (event_type = $4 AND json_typeof(properties -> 'anonymous_id') = 'string'
          AND properties ->> 'anonymous_id' = ANY ($2::text[])))
      RETURNING 1
    )
    SELECT count(*) AS events, pg_current_xact_id()::text AS xid FROM gone`
}
