import { type ByProject, EventBatch, type Origin, type Page, type InFlight } from "@millrace/core"
import { Effect } from "effect"
import type { Connection, Database, Row } from "./client.ts"
import { snapshotOf } from "./snapshot.ts"
import { type Cursor, formatCursor, parseCursor } from "./Cursor.ts"
import { between } from "./place.ts"

interface ReplayOptions {
  readonly after: string
  readonly limit: number
  readonly pageBytes: number
}

/**
 * Segments of ended transactions only: what lies below the oldest one still running can no longer change, so the rows are
 * read by a second statement without a transaction around both.
 */
export const replay = (database: Database, options: ReplayOptions) =>
  Effect.flatMap(parseCursor(options.after), (after) =>
    database.use((connection) =>
      Effect.gen(function* () {
        const [found] = yield* connection.rows(FIND_PAGE, [after.xid, after.n, options.limit, options.pageBytes])
        const caughtUp = found?.["caught_up"] === true
        if (found?.["xid"] === null || found === undefined) {
          return { batches: [], cursor: options.after, duplicates: {}, caughtUp } satisfies Page
        }
        const end: Cursor = { xid: String(found["xid"]), n: Number(found["last_n"]) }
        const stored = found["stored"] as ByProject
        const batches = Object.keys(stored).length === 0 ? [] : yield* readBatches(connection, after, end)
        const page: Page = {
          batches,
          cursor: formatCursor(end),
          duplicates: found["duplicates"] as ByProject,
          lost: yield* lostOf(connection, { after, end, stored, batches }),
          caughtUp
        }
        return page
      })
    )
  )

/**
 * The segments that begin within the limits of events and bytes; at least one. `caught_up` looks at all segments, also at
 * those hidden behind a running transaction: the warehouse may not say that it has everything while one is.
 */
const FIND_PAGE = {
  text: `
    WITH candidates AS (
      SELECT * FROM segments
      WHERE (xid, last_n) > ($1::xid8, $2::int) AND xid < pg_snapshot_xmin(pg_current_snapshot())
      ORDER BY xid, last_n LIMIT $3::int
    ), running AS (
      SELECT *, sum(accepted) OVER place - accepted AS events_before, sum(bytes) OVER place - bytes AS bytes_before
      FROM candidates WINDOW place AS (ORDER BY xid, last_n)
    ), page AS (
      SELECT * FROM running WHERE events_before < $3::int AND bytes_before < $4::bigint
    ), last AS (
      SELECT xid, last_n FROM page ORDER BY xid DESC, last_n DESC LIMIT 1
    ), by_project AS (
      SELECT project_id, sum(accepted - stored) AS duplicates, sum(stored) AS stored FROM page GROUP BY project_id
    )
    SELECT
      (SELECT xid::text FROM last) AS xid,
      (SELECT last_n FROM last) AS last_n,
      (SELECT coalesce(json_object_agg(project_id, stored), '{}') FROM by_project WHERE stored > 0) AS stored,
      (SELECT coalesce(json_object_agg(project_id, duplicates), '{}') FROM by_project WHERE duplicates > 0) AS duplicates,
      NOT EXISTS (
        SELECT FROM segments
        WHERE (xid, last_n) > (coalesce((SELECT xid FROM last), $1::xid8), coalesce((SELECT last_n FROM last), $2::int))
      ) AS caught_up`
}

interface Read {
  readonly after: Cursor
  readonly end: Cursor
  /** By the segments. */
  readonly stored: ByProject
  readonly batches: ReadonlyArray<EventBatch>
}

/** What segments account for, and is there no more; but for what was set aside. */
const lostOf = Effect.fnUntraced(function* (connection: Connection, { after, batches, end, stored }: Read) {
  const missing = new Map(Object.entries(stored))
  const take = (project: string, events: number) => missing.set(project, (missing.get(project) ?? 0) - events)
  for (const { count, project_id } of batches) take(project_id, count)
  const isMissing = () => [...missing].filter(([, events]) => events > 0)
  if (isMissing().length === 0) return {}
  for (const row of yield* connection.rows(COUNT_SET_ASIDE, [after.xid, after.n, end.xid, end.n])) {
    take(String(row["project_id"]), Number(row["events"]))
  }
  const lost: ByProject = Object.fromEntries(isMissing())
  if (isMissing().length > 0) {
    const events = isMissing().map(([project, count]) => `${count} of ${project}`)
    yield* Effect.logError(`events are lost: ${events.join(", ")}, deleted from the hot store before they were loaded`)
  }
  return lost
})

const COUNT_SET_ASIDE = {
  text: `
    SELECT project_id, count(*) AS events FROM set_aside
    WHERE (xid, n) > ($1::xid8, $2::int) AND (xid, n) <= ($3::xid8, $4::int) GROUP BY project_id`
}

const readBatches = Effect.fnUntraced(function* (connection: Connection, after: Cursor, end: Cursor) {
  const rows = yield* connection.rows(READ_BATCHES, [after.xid, after.n, end.xid, end.n])
  const origin = between(after, end)
  return rows.map((row) => toBatch(row, origin))
})

/**
 * The server prints each event as the line that the batch codec defines, and hands over whole batches: no work per row
 * here. A chunk's text is bounded by its number of events, 64 KiB at most each.
 */
const READ_BATCHES = {
  text: `
    SELECT project_id, count(*)::int AS count, min(received_at) AS received_at,
      encode(string_agg(uuid_send(event_id), '' ORDER BY xid, n), 'hex') AS ids,
      string_agg(line, '' ORDER BY xid, n) AS lines
    FROM (
      SELECT xid, n, project_id, event_id, received_at, (row_number() OVER (ORDER BY xid, n) - 1) / 1024 AS chunk,
        '{"event_id":"' || event_id || '","occurred_at":' || occurred_at || ',"user_id":' || to_json(user_id) ||
        ',"event_type":' || to_json(event_type) || ',"received_at":' || received_at || ',"skew_micros":' || skew_micros ||
        ',"project_id":' || to_json(project_id) || ',"properties":' || properties || E'}\\n' AS line
      FROM events WHERE (xid, n) > ($1::xid8, $2::int) AND (xid, n) <= ($3::xid8, $4::int)
    ) AS numbered
    GROUP BY chunk, project_id ORDER BY chunk`
}

const toBatch = (row: Row, origin: Origin): EventBatch =>
  EventBatch.fromParts(
    {
      project_id: String(row["project_id"]),
      count: Number(row["count"]),
      received_at: Number(row["received_at"])
    },
    Buffer.from(String(row["ids"]), "hex"),
    Buffer.from(String(row["lines"])),
    origin
  )

/**
 * Accepted events after the cursor, duplicates included, less all that was consumed of messages in flight and what was set
 * aside, as far as that is counted as dead letters.
 */
export const backlog = (database: Database, after: string, inFlight: InFlight = { log: "", positions: [] }) =>
  Effect.flatMap(parseCursor(after), ({ n, xid }) =>
    Effect.map(
      database.use((connection) =>
        connection.rows(BACKLOG, [
          xid,
          n,
          inFlight.log,
          inFlight.positions.map(([start]) => start),
          inFlight.positions.map(([, end]) => end),
          snapshotOf(inFlight),
          inFlight.letters ?? null
        ])
      ),
      (rows): ByProject => Object.fromEntries(rows.map((row) => [row["project_id"], Number(row["accepted"])]))
    )
  )

/** One statement, so that what a transaction claimed and what it accounted for are seen both or not at all. */
const BACKLOG = {
  name: "backlog",
  text: `
    SELECT project_id, sum(accepted) AS accepted FROM (
      SELECT project_id, accepted FROM segments WHERE (xid, last_n) > ($1::xid8, $2::int)
        AND ($6::pg_snapshot IS NULL OR pg_visible_in_snapshot(xid, $6::pg_snapshot))
      UNION ALL
      SELECT project_id, lower(part) - upper(part) FROM unnest($4::bigint[], $5::bigint[]) AS open (first, past)
      JOIN deliveries ON log = $3 AND position >= first AND position < past, unnest(consumed) AS part
      WHERE project_id IS NOT NULL
      UNION ALL
      SELECT project_id, -1 FROM set_aside WHERE (xid, n) > ($1::xid8, $2::int)
        AND ($7::pg_snapshot IS NULL OR pg_visible_in_snapshot(since, $7::pg_snapshot))
    ) AS counted GROUP BY project_id`
}
