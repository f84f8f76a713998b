import { IDENTIFY, Identities, type Merge, namesUsers, placeholders } from "@millrace/core"
import { Effect } from "effect"
import type { Connection } from "./client.ts"
import { inTransaction } from "./migrate.ts"

type Rows = ReadonlyArray<Readonly<Record<string, unknown>>>

/** Columns of `identified`. Properties with anything but a usable text there name nobody. */
const NAMED = `
  project_id, user_id, CASE WHEN json_type(properties, '/anonymous_id') = 'VARCHAR'
    AND length(json_extract_string(properties, '/anonymous_id')) BETWEEN 1 AND 256
    THEN json_extract_string(properties, '/anonymous_id') END AS anonymous_id`

const OF_PAGE = `
  SELECT row_number() OVER (ORDER BY page.rowid) AS nth, ${NAMED} FROM page
  WHERE event_type = $1 AND page.rowid IN (SELECT first_row FROM fresh)`

/** Some of all events, in the order in which they were loaded. */
const OF_EVENTS = `
  SELECT events.rowid AS nth, ${NAMED} FROM events
  WHERE event_type = $1 AND events.rowid > $2 ORDER BY events.rowid LIMIT $3`

/** Of the page in the tables `page` and `fresh`. Returns whether anybody was merged. */
export const mergePage = (connection: Connection) =>
  Effect.gen(function* () {
    const [page] = yield* connection.rows("SELECT EXISTS (FROM page WHERE event_type = $1) AS identifies", [IDENTIFY])
    if (page?.["identifies"] !== true) return false
    yield* connection.rows(`CREATE OR REPLACE TEMP TABLE identified AS ${OF_PAGE}`, [IDENTIFY])
    return yield* mergeIdentified(connection)
  })

const EVENTS_PER_STEP = 100_000

/** Works everything out again, from the events alone: after an erasure, and for files older than these tables. */
export const rebuildIdentities = Effect.fn("DuckDb.rebuildIdentities")(function* (connection: Connection) {
  for (const table of ["identities", "known_users", "refused_merges"]) yield* connection.rows(`DELETE FROM ${table}`)
  for (let last: unknown = -1; last !== null;) {
    yield* connection.rows(`CREATE OR REPLACE TEMP TABLE identified AS ${OF_EVENTS}`, [
      IDENTIFY,
      Number(last),
      EVENTS_PER_STEP
    ])
    yield* mergeIdentified(connection)
    const [row] = yield* connection.rows("SELECT MAX(nth) AS last FROM identified")
    last = row?.["last"] ?? null
  }
})

/** As `isPlaceholder` reads an id: these blanks are JavaScript's. */
const BLANK = String.raw`\s\v\p{Z}\x{FEFF}\x{200B}-\x{200D}\x{2060}`
const BARE = (id: string) =>
  String.raw`lower(regexp_replace(${id}, '^[${BLANK}"''(<\[{]+|[${BLANK}"'')>\]}]+$', '', 'g'))`
const WORDS = "(SELECT unnest(from_json($2::JSON, '[\"VARCHAR\"]')))"

/**
 * A file whose events were loaded before these tables were there has `$identify` events, but knows nobody; one that was
 * written before placeholders were told apart may have merged them.
 */
const BEHIND = `
  SELECT EXISTS (FROM identities WHERE ${BARE("anonymous_id")} IN ${WORDS} OR ${BARE("user_id")} IN ${WORDS})
    OR (NOT EXISTS (FROM known_users) AND EXISTS (FROM events WHERE event_type = $1)) AS behind`

export const isBehind = (connection: Connection) =>
  Effect.map(
    connection.rows(BEHIND, [IDENTIFY, JSON.stringify(placeholders)]),
    ([row]): boolean => row?.["behind"] === true
  )

export const catchUpIdentities = Effect.fnUntraced(function* (connection: Connection) {
  if (yield* isBehind(connection)) yield* inTransaction(connection, rebuildIdentities(connection))
})

export const hasMerges = (connection: Connection) =>
  Effect.map(connection.rows("SELECT EXISTS (FROM identities) AS merged"), ([row]) => row?.["merged"] === true)

// Text leaves as BLOB, as in `dialect.text`.
const READ_IDENTIFIED = `
  SELECT encode(project_id) AS project_id, encode(user_id) AS user_id, encode(anonymous_id) AS anonymous_id
  FROM identified WHERE anonymous_id IS NOT NULL ORDER BY nth`

const READ_MERGES = `
  SELECT encode(project_id) AS project_id, encode(anonymous_id) AS anonymous_id, encode(user_id) AS user_id FROM identities
  WHERE (project_id, anonymous_id) IN (
    SELECT (project_id, anonymous_id) FROM identified UNION SELECT (project_id, user_id) FROM identified
  )`

const READ_KNOWN = `
  SELECT encode(project_id) AS project_id, encode(user_id) AS user_id FROM known_users
  WHERE (project_id, user_id) IN (SELECT (project_id, anonymous_id) FROM identified)`

/** What the events of `identified` merge, given what is known of those that they name. */
const mergeIdentified = Effect.fnUntraced(function* (connection: Connection) {
  const identified = (yield* connection.rows(READ_IDENTIFIED)).filter((row) => namesUsers(mergeOf(row)))
  if (identified.length === 0) return false
  const merges = Map.groupBy(yield* connection.rows(READ_MERGES), (row) => row["project_id"])
  const known = Map.groupBy(yield* connection.rows(READ_KNOWN), (row) => row["project_id"])
  const made: Array<Merge & { readonly project_id: unknown }> = []
  for (const [project_id, rows] of Map.groupBy(identified, (row) => row["project_id"])) {
    const names = (known.get(project_id) ?? []).map((row) => String(row["user_id"]))
    const identities = new Identities((merges.get(project_id) ?? []).map(mergeOf), names)
    for (const row of rows) {
      const merge = identities.observe(mergeOf(row))
      if (merge !== undefined) made.push({ project_id, ...merge })
    }
    if (identities.refused > 0) yield* connection.rows(COUNT_REFUSED, [String(project_id), identities.refused])
  }
  yield* connection.rows(INSERT_MERGES, [JSON.stringify(made)])
  yield* connection.rows(INSERT_KNOWN, [
    JSON.stringify(identified.map(({ project_id, user_id }) => ({ project_id, user_id })))
  ])
  return made.length > 0
})

const mergeOf = (row: Rows[number]): Merge => ({
  anonymous_id: String(row["anonymous_id"]),
  user_id: String(row["user_id"])
})

const COUNT_REFUSED = `
  INSERT INTO refused_merges AS known VALUES ($1, $2)
  ON CONFLICT (project_id) DO UPDATE SET merges = known.merges + excluded.merges`

const INSERT_MERGES = `
  INSERT INTO identities (project_id, anonymous_id, user_id)
  SELECT made.project_id, made.anonymous_id, made.user_id FROM (
    SELECT unnest(from_json($1::JSON, '[{"project_id":"VARCHAR","anonymous_id":"VARCHAR","user_id":"VARCHAR"}]')) AS made
  ) AS rows`

const INSERT_KNOWN = `
  INSERT INTO known_users
  SELECT DISTINCT named.project_id, named.user_id FROM (
    SELECT unnest(from_json($1::JSON, '[{"project_id":"VARCHAR","user_id":"VARCHAR"}]')) AS named
  ) AS rows
  WHERE (named.project_id, named.user_id) NOT IN (SELECT (project_id, user_id) FROM known_users)`
