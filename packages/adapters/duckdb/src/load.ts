import type { ByProject, EventBatch, Tombstones } from "@millrace/core"
import { Effect } from "effect"
import type { Activities } from "./activity/Activities.ts"
import type { Connection } from "./client.ts"
import { DriverFailure } from "./errors.ts"
import { type HotColumn, hotColumns, hotSource, pointersOf } from "./hot/columns.ts"
import { mergePage } from "./identities.ts"
import { inTransaction } from "./migrate.ts"
import { RELOADED } from "./origin.ts"
import type { Spool } from "./spool.ts"
import { hideErasedRows } from "./tombstones.ts"

interface LoadPage {
  readonly batches: ReadonlyArray<EventBatch>
  readonly cursor: string
  readonly duplicates: ByProject
  readonly lost?: ByProject
}

interface Loaded {
  readonly inserted: number
  readonly duplicates: number
}

interface LoadTools {
  readonly connection: Connection
  readonly spool: Spool
  /** Properties that have columns of their own. */
  readonly hot: ReadonlyArray<HotColumn>
  readonly tombstones: Tombstones
  /** Called before the commit of a page that merges identities. */
  readonly onMerge: () => void
  readonly activities: Pick<Activities, "record">
  /** All of the store is loaded once more. */
  readonly reloading: boolean
}

/** Rows, identities, activity, counts and watermark in one transaction. `as_of` stays as it was when not given. */
export const loadPage = (tools: LoadTools, page: LoadPage, as_of: number | undefined) =>
  staged(tools.connection, tools.spool, page.batches, (file) =>
    Effect.scoped(inTransaction(tools.connection, loadStaged(tools, page, as_of, file)))
  )

const loadStaged = Effect.fnUntraced(function* (
  { activities, connection, hot, onMerge, reloading, tombstones }: LoadTools,
  page: LoadPage,
  as_of: number | undefined,
  file: string | undefined
) {
  const loaded = yield* insertFresh(connection, { file, hot, tombstones }, countOf(page.batches))
  yield* addCounts(connection, page, file === undefined ? [] : [reloading ? OF_PAGE_AGAIN : OF_PAGE])
  if (reloading && as_of !== undefined) yield* connection.rows(RELOADED)
  yield* connection.rows("UPDATE watermark SET cursor = $1, as_of = COALESCE($2::BIGINT, as_of)", [
    page.cursor,
    as_of ?? null
  ])
  if (loaded.inserted > 0) {
    // Counted by now; nobody was active in them.
    yield* connection.rows("DELETE FROM page WHERE event_type = ''")
    const merged = yield* mergePage(connection)
    if (merged) onMerge()
    // Last, so that what it holds back until the commit is held back shortly.
    yield* activities.record({ whole: loaded.duplicates === 0, merged })
  }
  return loaded
})

/** Does what {@link loadPage} does with the rows, then takes it back. */
export const rehearseLoad = (connection: Connection, spool: Spool, batches: ReadonlyArray<EventBatch>) =>
  staged(connection, spool, batches, (file) =>
    inTransaction(
      connection,
      insertFresh(connection, { file, hot: [] }, countOf(batches)).pipe(Effect.andThen(Effect.fail(new Rehearsed())))
    ).pipe(
      Effect.catchIf(
        (failure) => failure instanceof Rehearsed,
        () => Effect.void
      )
    )
  )

class Rehearsed {
  readonly name = "Rehearsed"
}

const countOf = (batches: ReadonlyArray<EventBatch>) => batches.reduce((sum, batch) => sum + batch.count, 0)

/** Writes the page's file, if it has rows, around a use of it. */
const staged = <A, E>(
  connection: Connection,
  spool: Spool,
  batches: ReadonlyArray<EventBatch>,
  use: (file: string | undefined) => Effect.Effect<A, E>
): Effect.Effect<A, E | DriverFailure> =>
  batches.length === 0
    ? use(undefined)
    : Effect.scoped(Effect.flatMap(spool.write(batches), use)).pipe(
        Effect.ensuring(Effect.ignore(connection.rows("DROP TABLE IF EXISTS page"))),
        Effect.ensuring(Effect.ignore(connection.rows("DROP TABLE IF EXISTS fresh")))
      )

/** In page order, so that `rowid` tells which of two events with one id came first. */
const stageSql = (hot: ReadonlyArray<HotColumn>) => `
  CREATE OR REPLACE TEMP TABLE page AS
  SELECT project_id, event_id, make_timestamp(occurred_at) AS occurred_at, user_id, event_type, properties,
    make_timestamp(received_at) AS received_at, skew_micros ${hotColumns(hot)}
  FROM ${hotSource(LINES, hot, 2)}`

const LINES = `read_json($1, format = 'newline_delimited', columns = {
    project_id: 'VARCHAR', event_id: 'UUID', occurred_at: 'BIGINT', user_id: 'VARCHAR', event_type: 'VARCHAR',
    properties: 'JSON', received_at: 'BIGINT', skew_micros: 'BIGINT'
  })`

/** Over all history: a resent id may carry another occurred_at, so no range of days is enough. */
const FIND_FRESH = `
  CREATE OR REPLACE TEMP TABLE fresh AS
  SELECT MIN(page.rowid) AS first_row FROM page
  WHERE NOT EXISTS (
    SELECT 1 FROM events WHERE events.event_id = page.event_id AND events.project_id = page.project_id
  )
  GROUP BY page.project_id, page.event_id`

const INSERT_ALL = "INSERT INTO events BY NAME SELECT * FROM page WHERE event_type <> ''"

const INSERT_FRESH = `
  INSERT INTO events BY NAME
  SELECT page.* FROM page WHERE page.rowid IN (SELECT first_row FROM fresh) AND event_type <> ''
  ORDER BY page.rowid`

interface Staged {
  readonly file: string | undefined
  readonly hot: ReadonlyArray<HotColumn>
  /** What is only rehearsed is not kept. */
  readonly tombstones?: Tombstones
}

const insertFresh = Effect.fnUntraced(function* (
  connection: Connection,
  { file, hot, tombstones }: Staged,
  count: number
) {
  if (file === undefined) return { inserted: 0, duplicates: 0 }
  yield* connection.rows(stageSql(hot), [file, ...pointersOf(hot)])
  const [found] = yield* connection.rows("SELECT COUNT(*) AS rows FROM page")
  if (Number(found?.["rows"]) !== count) {
    return yield* Effect.fail(new DriverFailure(`Staging Error: ${count} events gave ${String(found?.["rows"])} rows`))
  }
  if (tombstones !== undefined) yield* hideErasedRows(connection, tombstones)
  yield* connection.rows(FIND_FRESH)
  const [fresh] = yield* connection.rows("SELECT COUNT(*) AS rows FROM fresh")
  const inserted = Number(fresh?.["rows"])
  // Redacted events are counted like what they stand for, and there is nothing in them to be asked for.
  yield* connection.rows(inserted === count ? INSERT_ALL : INSERT_FRESH)
  const loaded: Loaded = { inserted, duplicates: count - inserted }
  return loaded
})

/**
 * `$1`: the page's cursor. A page that comes again, because its commit's answer was lost, adds neither duplicates nor
 * losses.
 */
const ADD_COUNTS = (counted: string) => `
  INSERT INTO counts AS known
  SELECT project_id, SUM(stored) AS stored,
    CASE WHEN (SELECT cursor FROM watermark) = $1 THEN 0 ELSE SUM(duplicates) END AS duplicates,
    CASE WHEN (SELECT cursor FROM watermark) = $1 THEN 0 ELSE SUM(lost) END AS lost
  FROM (${counted}) AS counted
  GROUP BY project_id
  ON CONFLICT (project_id) DO UPDATE SET
    stored = known.stored + excluded.stored, duplicates = known.duplicates + excluded.duplicates,
    lost = known.lost + excluded.lost`

const PASSED_OVER = `
  SELECT key AS project_id, 0 AS stored, value::BIGINT AS duplicates, 0 AS lost FROM json_each($2::JSON)
  UNION ALL SELECT key, 0, 0, value::BIGINT FROM json_each($3::JSON)`

const OF_PAGE = `
  SELECT project_id, COUNT(first_row) AS stored, COUNT(*) - COUNT(first_row) AS duplicates, 0 AS lost
  FROM page LEFT JOIN fresh ON fresh.first_row = page.rowid GROUP BY project_id`

/** What is here already was loaded from this very place before. */
const OF_PAGE_AGAIN = `
  SELECT project_id, CASE WHEN (SELECT cursor FROM watermark) = $1 THEN 0 ELSE COUNT(DISTINCT event_id) END AS stored,
    COUNT(*) - COUNT(DISTINCT event_id) AS duplicates, 0 AS lost
  FROM page GROUP BY project_id`

const addCounts = (connection: Connection, page: LoadPage, ofRows: ReadonlyArray<string>) =>
  connection.rows(ADD_COUNTS([PASSED_OVER, ...ofRows].join(" UNION ALL ")), [
    page.cursor,
    JSON.stringify(page.duplicates),
    JSON.stringify(page.lost ?? {})
  ])
