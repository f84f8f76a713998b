import { type ByProject, type EventBatch, IDENTIFY, isRedacted } from "@millrace/core"
import { Effect } from "effect"
import type { Connection } from "../client.ts"
import { COPY_COLUMNS, CopyBuffer } from "../CopyBuffer.ts"
import type { Erasures } from "../erasures.ts"
import { DriverFailure } from "../errors.ts"
import { type Identifying, mergeIdentified } from "./identities.ts"
import { addCounts, type Counted, lockState, moveWatermark, type State } from "./state.ts"

export interface LoadPage {
  readonly batches: ReadonlyArray<EventBatch>
  readonly cursor: string
  readonly duplicates: ByProject
  readonly lost?: ByProject
  readonly after?: string
}

/**
 * Rows, merges, counts and watermark in the caller's transaction, which one loader at a time gets past its first
 * statement. `as_of` stays as it was when not given.
 */
export const loadPage = Effect.fnUntraced(function* (
  connection: Connection,
  erasures: Erasures,
  page: LoadPage,
  as_of: number | undefined
) {
  const state = yield* lockState(connection)
  if (page.after !== undefined && state.cursor !== page.after && state.cursor !== page.cursor) {
    return yield* Effect.fail(new DriverFailure(`another loader has come to ${state.cursor}, past ${page.after}`))
  }
  const loaded = yield* insertPage(connection, erasures, page.batches, state)
  yield* addCounts(connection, countsOf(page, loaded, state))
  yield* moveWatermark(connection, page.cursor, as_of)
  return { inserted: loaded.inserted, duplicates: loaded.events - loaded.inserted }
})

/** Does what {@link loadPage} does with the rows; the caller takes it back. */
export const rehearsePage = Effect.fnUntraced(function* (
  connection: Connection,
  erasures: Erasures,
  batches: ReadonlyArray<EventBatch>
) {
  yield* insertPage(connection, erasures, batches, yield* lockState(connection))
})

interface Loaded {
  readonly events: number
  /** Redacted events included: they are counted like what they stand for, and there is nothing in them to be asked for. */
  readonly inserted: number
  /** By project: what the page holds, and what of it counts as stored. */
  readonly given: ReadonlyMap<string, number>
  readonly stored: ReadonlyMap<string, number>
}

const insertPage = Effect.fnUntraced(function* (
  connection: Connection,
  erasures: Erasures,
  given: ReadonlyArray<EventBatch>,
  { reloading }: State
) {
  if (given.length === 0) return NOTHING
  // Whoever was erased before the lock was taken is known from here on.
  yield* erasures.refresh
  const { hasRedacted, rows, sizes } = yield* Effect.try({
    try: () => encode(given.map((batch) => erasures.tombstones.hideErased(batch))),
    catch: (cause) => new DriverFailure(cause, "data")
  })
  yield* connection.rows(STAGE)
  yield* connection.copyIn(COPY, rows.finish())
  const fresh = yield* connection.rows(INSERT, [IDENTIFY])
  const redacted = hasRedacted ? yield* connection.rows(FRESH_SHELLS) : []
  const counted = new Map<string, number>()
  for (const row of [...fresh, ...redacted]) add(counted, String(row["project_id"]), Number(row["stored"]))
  for (const row of fresh) {
    const identifying = JSON.parse(String(row["identifying"] ?? "[]")) as ReadonlyArray<Identifying>
    yield* mergeIdentified(connection, String(row["project_id"]), identifying)
  }
  const again = reloading ? yield* connection.rows(DISTINCT) : undefined
  const loaded: Loaded = {
    events: rows.rows,
    inserted: sumOf(counted),
    given: sizes,
    stored:
      again === undefined ? counted : new Map(again.map((row) => [String(row["project_id"]), Number(row["stored"])]))
  }
  return loaded
})

const NOTHING: Loaded = { events: 0, inserted: 0, given: new Map(), stored: new Map() }

const add = (counts: Map<string, number>, project_id: string, count: number) =>
  counts.set(project_id, (counts.get(project_id) ?? 0) + count)

const sumOf = (counts: ReadonlyMap<string, number>) => [...counts.values()].reduce((sum, count) => sum + count, 0)

const encode = (batches: ReadonlyArray<EventBatch>) => {
  const rows = new CopyBuffer()
  const sizes = new Map<string, number>()
  let hasRedacted = false
  for (const { count, events, ids, project_id } of batches) {
    add(sizes, project_id, count)
    events.forEach((event, index) => {
      hasRedacted ||= isRedacted(event)
      rows.row(rows.rows + 1, event, ids, index)
    })
  }
  return { rows, sizes, hasRedacted }
}

/** A page that comes again, because its commit's answer was lost, adds neither duplicates nor losses. */
const countsOf = (page: LoadPage, { given, stored }: Loaded, state: State): ReadonlyMap<string, Counted> => {
  const isAgain = state.cursor === page.cursor
  const { duplicates, lost = {} } = page
  const projects = new Set([...given.keys(), ...Object.keys(duplicates), ...Object.keys(lost)])
  const counts = [...projects].map((project_id) => {
    const kept = stored.get(project_id) ?? 0
    const passedOver = (given.get(project_id) ?? 0) - kept + (duplicates[project_id] ?? 0)
    const counted: Counted = {
      stored: isAgain && state.reloading ? 0 : kept,
      duplicates: isAgain ? 0 : passedOver,
      lost: isAgain ? 0 : (lost[project_id] ?? 0)
    }
    return [project_id, counted] as const
  })
  return new Map(counts)
}

/** `n` tells which of two events with one id came first. Emptied by every commit. */
const STAGE = {
  text: `
    CREATE TEMP TABLE IF NOT EXISTS page (
      n integer, project_id text, event_id uuid, occurred_at bigint, user_id text, event_type text, properties json,
      received_at bigint, skew_micros bigint
    ) ON COMMIT DELETE ROWS`
}

const COPY = `COPY page (${COPY_COLUMNS}) FROM STDIN (FORMAT binary)`

/** The key is over all history: a resent id may carry another occurred_at. */
const INSERT = {
  text: `
    WITH fresh AS (
      INSERT INTO events (project_id, event_id, occurred_at, user_id, event_type, properties, received_at, skew_micros)
      SELECT project_id, event_id, occurred_at, user_id, event_type, properties, received_at, skew_micros
      FROM page WHERE event_type <> '' ORDER BY n
      ON CONFLICT (project_id, event_id) DO NOTHING
      RETURNING n, project_id, event_type, user_id, properties
    )
    SELECT project_id, count(*) AS stored,
      (json_agg(json_build_array(user_id, properties::text) ORDER BY n) FILTER (WHERE event_type = $1))::text AS identifying
    FROM fresh GROUP BY project_id`
}

const FRESH_SHELLS = {
  text: `
    SELECT project_id, count(DISTINCT event_id) AS stored FROM page
    WHERE event_type = '' AND NOT EXISTS (
      SELECT FROM events WHERE events.project_id = page.project_id AND events.event_id = page.event_id
    )
    GROUP BY project_id`
}

/** Of a store that is loaded once more: what is here already was loaded from this very place before. */
const DISTINCT = {
  text: "SELECT project_id, count(DISTINCT event_id) AS stored FROM page GROUP BY project_id"
}
