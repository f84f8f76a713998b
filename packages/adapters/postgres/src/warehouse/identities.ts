import { anonymousIdIn, Identities, IDENTIFY, type Merge, namesUsers } from "@millrace/core"
import { Effect } from "effect"
import type { Connection, Row } from "../client.ts"

/** What an `$identify` event says: its user, and its properties as text. */
export type Identifying = readonly [user_id: string, properties: string]

/** What `$identify` events of a project, in the order of loading, add to what is known of those that they name. */
export const mergeIdentified = Effect.fnUntraced(function* (
  connection: Connection,
  project_id: string,
  identifying: ReadonlyArray<Identifying>
) {
  const named = identifying.flatMap(([user_id, properties]): ReadonlyArray<Merge> => {
    const anonymous_id = anonymousIdIn(properties)
    return anonymous_id !== undefined && namesUsers({ anonymous_id, user_id }) ? [{ anonymous_id, user_id }] : []
  })
  if (named.length === 0) return
  const users = [...new Set(named.map(({ user_id }) => user_id))]
  const anonymous = [...new Set(named.map(({ anonymous_id }) => anonymous_id))]
  const merges = yield* connection.rows(READ_MERGES, [project_id, [...users, ...anonymous]])
  const known = yield* connection.rows(READ_KNOWN, [project_id, anonymous])
  const identities = new Identities(
    merges.map(mergeOf),
    known.map((row) => String(row["user_id"]))
  )
  const made = named.flatMap((each) => identities.observe(each) ?? [])
  yield* connection.rows(INSERT_MERGES, [
    project_id,
    made.map(({ anonymous_id }) => anonymous_id),
    made.map(({ user_id }) => user_id)
  ])
  yield* connection.rows(INSERT_KNOWN, [project_id, users])
  if (identities.refused > 0) yield* connection.rows(COUNT_REFUSED, [project_id, identities.refused])
})

const EVENTS_PER_STEP = 10_000

/** Works a project's merges out again, from its events alone: after an erasure. */
export const rebuildIdentities = Effect.fnUntraced(function* (connection: Connection, project_id: string) {
  for (const table of ["identities", "known_users", "refused_merges"]) {
    yield* connection.rows({ text: `DELETE FROM ${table} WHERE project_id = $1` }, [project_id])
  }
  for (let last: string | undefined = "0"; last !== undefined;) {
    const rows: ReadonlyArray<Row> = yield* connection.rows(READ_IDENTIFYING, [
      IDENTIFY,
      last,
      project_id,
      EVENTS_PER_STEP
    ])
    const identifying = rows.map((row): Identifying => [String(row["user_id"]), String(row["properties"])])
    yield* mergeIdentified(connection, project_id, identifying)
    last = rows.length === EVENTS_PER_STEP ? String(rows.at(-1)?.["n"]) : undefined
  }
})

const mergeOf = (row: Row): Merge => ({ anonymous_id: String(row["anonymous_id"]), user_id: String(row["user_id"]) })

const READ_MERGES = {
  text: "SELECT anonymous_id, user_id FROM identities WHERE project_id = $1 AND anonymous_id = ANY ($2::text[])"
}
const READ_KNOWN = { text: "SELECT user_id FROM known_users WHERE project_id = $1 AND user_id = ANY ($2::text[])" }
const INSERT_MERGES = {
  text: `
    INSERT INTO identities (project_id, anonymous_id, user_id)
    SELECT $1, * FROM unnest($2::text[], $3::text[])`
}
const INSERT_KNOWN = {
  text: `
    INSERT INTO known_users (project_id, user_id) SELECT $1, * FROM unnest($2::text[]) ON CONFLICT DO NOTHING`
}
const COUNT_REFUSED = {
  text: `
    INSERT INTO refused_merges AS known (project_id, merges) VALUES ($1, $2::bigint)
    ON CONFLICT (project_id) DO UPDATE SET merges = known.merges + excluded.merges`
}
const READ_IDENTIFYING = {
  text: `
    SELECT n, user_id, properties::text AS properties FROM events
    WHERE event_type = $1 AND n > $2::bigint AND project_id = $3 ORDER BY n LIMIT $4`
}
