import { IDENTIFY } from "@millrace/core"
import { Effect } from "effect"
import type { BoundValue, Connection } from "../client.ts"

/** Events to be recorded: what stands behind FROM, with the columns of `events`. */
interface Source {
  readonly from: string
  readonly values?: ReadonlyArray<BoundValue>
}

/** Of the tables `page` and `fresh`. */
export const FRESH_PAGE: Source = { from: "page WHERE page.rowid IN (SELECT first_row FROM fresh)" }
export const WHOLE_PAGE: Source = { from: "page" }

const FIND_SERIES = ({ from }: Source) => `
  CREATE OR REPLACE TEMP TABLE active_series AS
  SELECT named.project_id, named.event_type, known.number
  FROM (SELECT DISTINCT project_id, event_type FROM ${from}) AS named
  LEFT JOIN activity_series AS known ON known.project_id = named.project_id AND known.event_type = named.event_type`

const ADD_SERIES = `
  INSERT INTO activity_series
  SELECT (row_number() OVER () + (SELECT COALESCE(MAX(number), -1) FROM activity_series))::INTEGER, project_id, event_type
  FROM active_series WHERE number IS NULL`

/** Cuts towards zero; no event lies this many quarters before 1970. */
const QUARTER = "((epoch_us(occurred_at) + 90000000000000) // 900000000 - 100000)::INTEGER"

/** One join tells numbers and newcomers: to look for each user of a page by name is what recording costs. */
const FIND_USERS = ({ from }: Source) => `
  CREATE OR REPLACE TEMP TABLE active_named AS
  SELECT series.number AS series, ${QUARTER} AS quarter, known.number AS user_number,
    CASE WHEN known.number IS NULL THEN named.project_id END AS project_id,
    CASE WHEN known.number IS NULL THEN named.user_id END AS user_id
  FROM (SELECT * FROM ${from}) AS named
  JOIN active_series AS series ON series.project_id = named.project_id AND series.event_type = named.event_type
  LEFT JOIN activity_users AS known ON known.user_id = named.user_id AND known.project_id = named.project_id`

const FIND_NEWCOMERS = `
  CREATE OR REPLACE TEMP TABLE newcomers AS
  SELECT named.project_id, named.user_id,
    (row_number() OVER (PARTITION BY named.project_id) + COALESCE(highest, -1))::INTEGER AS number
  FROM (SELECT DISTINCT project_id, user_id FROM active_named WHERE user_number IS NULL) AS named
  LEFT JOIN (SELECT project_id, MAX(number) AS highest FROM activity_users GROUP BY project_id) AS known
    ON known.project_id = named.project_id`

const ADD_NEWCOMERS = "INSERT INTO activity_users SELECT project_id, user_id, number FROM newcomers"

/** In the order in which the sets take it over, which is compact on disk as well. */
const RESOLVE = `
  CREATE OR REPLACE TEMP TABLE active AS
  SELECT DISTINCT series, quarter, COALESCE(active_named.user_number, newcomers.number) AS user_number
  FROM active_named
  LEFT JOIN newcomers ON newcomers.user_id = active_named.user_id AND newcomers.project_id = active_named.project_id
  ORDER BY 1, 2, 3`

const APPEND = "INSERT INTO activity SELECT series, quarter, user_number FROM active"

/**
 * Records who was active, inside the caller's transaction; leaves the tables `active` and `newcomers` of these events.
 * To record events again changes no answer. Returns the number of users who were not known before.
 */
export const record = Effect.fnUntraced(function* (connection: Connection, source: Source) {
  yield* connection.rows(FIND_SERIES(source), source.values)
  const [series] = yield* connection.rows("SELECT EXISTS (FROM active_series WHERE number IS NULL) AS missing")
  if (series?.["missing"] === true) {
    yield* connection.rows(ADD_SERIES)
    yield* connection.rows(FIND_SERIES(source), source.values)
  }
  yield* connection.rows(FIND_USERS(source), source.values)
  yield* connection.rows(FIND_NEWCOMERS)
  const [found] = yield* connection.rows("SELECT COUNT(*) AS count FROM newcomers")
  yield* connection.rows(ADD_NEWCOMERS)
  yield* connection.rows(RESOLVE)
  yield* connection.rows(APPEND)
  return Number(found?.["count"])
})

/** The tables that {@link record} leaves. */
export const dropRecorded = (connection: Connection) =>
  Effect.forEach(
    ["active_series", "active_named", "newcomers", "active"],
    (table) => Effect.ignore(connection.rows(`DROP TABLE IF EXISTS ${table}`)),
    { discard: true }
  )

/** Ids as one JSON array, in `$2`. */
const NUMBERS = `
  SELECT number FROM activity_users WHERE project_id = $1 AND user_id IN (SELECT unnest(from_json($2::JSON, '["VARCHAR"]')))`

const SERIES = "SELECT number FROM activity_series WHERE project_id = $1"

/**
 * Forgets users of a project whose events were deleted, and who identified whom, as events of others may be gone that named
 * them; what is left of both is recorded anew.
 */
export const eraseActivity = Effect.fnUntraced(function* (
  connection: Connection,
  project_id: string,
  user_ids: ReadonlyArray<string>
) {
  const ids = JSON.stringify(user_ids)
  yield* connection.rows(`DELETE FROM activity WHERE user_number IN (${NUMBERS}) AND series IN (${SERIES})`, [
    project_id,
    ids
  ])
  yield* connection.rows(`DELETE FROM activity WHERE series IN (${SERIES} AND event_type = $2)`, [project_id, IDENTIFY])
  yield* connection.rows(`DELETE FROM activity_users WHERE project_id = $1 AND number IN (${NUMBERS})`, [
    project_id,
    ids
  ])
  yield* record(connection, { from: LEFT, values: [project_id, ids, IDENTIFY] })
  yield* dropRecorded(connection)
})

const LEFT = `
  events WHERE project_id = $1
    AND (event_type = $3 OR user_id IN (SELECT unnest(from_json($2::JSON, '["VARCHAR"]'))))`
