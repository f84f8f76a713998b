import type { EventBatch } from "@millrace/core"
import { Effect } from "effect"
import { claim } from "./claim.ts"
import type { Connection, Database } from "./client.ts"
import { COPY_COLUMNS, CopyBuffer } from "./CopyBuffer.ts"
import type { Erasures } from "./erasures.ts"
import { DriverFailure } from "./errors.ts"
import { identify, type IsFirst } from "./identify.ts"
import type { Piece } from "./Pieces.ts"

export interface Appended {
  readonly stored: number
  readonly duplicates: number
}

/**
 * One transaction: claim the messages, enter the identities, copy the rows of the new ones, account for all. Four
 * statements, whatever the number of events.
 */
export const append = (database: Database, erasures: Erasures, batches: ReadonlyArray<EventBatch>) =>
  Effect.suspend(() => database.transaction((connection) => appendIn(connection, erasures, batches))).pipe(
    Effect.tapError((failure) => (failure.code === STALE ? erasures.refresh : Effect.void)),
    Effect.retry({ times: STALE_TIMES, while: ({ code }) => code === STALE })
  )

/** Somebody was erased, and it was not known here yet. */
const STALE = "stale erasures"
const STALE_TIMES = 5

const appendIn = Effect.fnUntraced(function* (
  connection: Connection,
  erasures: Erasures,
  given: ReadonlyArray<EventBatch>
) {
  const known = erasures.upTo()
  const batches = given.map((batch) => erasures.tombstones.hideErased(batch))
  const pieces = yield* claim(connection, batches)
  if (pieces.length === 0) return { stored: 0, duplicates: 0 }
  const isFirst = yield* identify(connection, pieces)
  const { rows, segments } = yield* Effect.try({
    try: () => encode(pieces, isFirst),
    catch: (cause) => new DriverFailure(cause, "data")
  })
  if (rows.rows > 0) yield* connection.copyIn(COPY, rows.finish())
  const [erased] = yield* account(connection, segments)
  if (Number(erased?.["n"]) > known) return yield* Effect.fail(new DriverFailure("somebody was erased", STALE))
  const accepted = segments.reduce((sum, segment) => sum + segment.accepted, 0)
  const appended: Appended = { stored: rows.rows, duplicates: accepted - rows.rows }
  return appended
})

const COPY = `COPY events (${COPY_COLUMNS}) FROM STDIN (FORMAT binary)`

/** A run of one project's events; pages of replay end between segments. */
interface Segment {
  readonly project_id: string
  readonly last_n: number
  readonly accepted: number
  readonly stored: number
  readonly bytes: number
  /** The latest of its batches. */
  readonly received_at: number
}

/** Small batches share a segment, so that messages of one event do not cost a row each here as well. */
const SEGMENT_EVENTS = 512

const encode = (pieces: ReadonlyArray<Piece>, isFirst: IsFirst) => {
  const rows = new CopyBuffer()
  const segments: Array<Segment> = []
  let n = 0
  for (const { batch, end, start } of pieces) {
    const before = { bytes: rows.bytes, rows: rows.rows }
    const { events, ids } = batch
    for (let index = start; index < end; index++) {
      n++
      if (isFirst(batch.project_id, ids, index)) rows.row(n, events[index]!, ids, index)
    }
    addSegment(segments, {
      project_id: batch.project_id,
      last_n: n,
      accepted: end - start,
      stored: rows.rows - before.rows,
      bytes: rows.bytes - before.bytes,
      received_at: batch.received_at
    })
  }
  return { rows, segments }
}

const addSegment = (segments: Array<Segment>, next: Segment) => {
  const last = segments.at(-1)
  if (last?.project_id !== next.project_id || last.accepted + next.accepted > SEGMENT_EVENTS) {
    segments.push(next)
    return
  }
  segments[segments.length - 1] = {
    ...next,
    accepted: last.accepted + next.accepted,
    stored: last.stored + next.stored,
    bytes: last.bytes + next.bytes,
    received_at: Math.max(last.received_at, next.received_at)
  }
}

const account = (connection: Connection, segments: ReadonlyArray<Segment>) =>
  connection.rows(ACCOUNT, [
    segments.map(({ last_n }) => last_n),
    segments.map(({ project_id }) => project_id),
    segments.map(({ accepted }) => accepted),
    segments.map(({ stored }) => stored),
    segments.map(({ bytes }) => bytes),
    segments.map(({ received_at }) => received_at)
  ])

/** Connections that share a row of totals wait for one another: two of few hardly ever do. */
const SLOTS = 64

/** An erasure's lock is waited for here; the snapshot comes after it, so that what it has erased is seen. */
const ACCOUNT = {
  name: "account",
  text: `
    WITH accounted AS (
      INSERT INTO segments (last_n, project_id, accepted, stored, bytes, received_at)
      SELECT * FROM unnest($1::int[], $2::text[], $3::int[], $4::int[], $5::bigint[], $6::bigint[])
    ), totalled AS (
      INSERT INTO accepted_totals AS known (project_id, slot, accepted)
      SELECT project_id, pg_backend_pid() % ${SLOTS}, sum(accepted)
      FROM unnest($2::text[], $3::int[]) AS given (project_id, accepted) GROUP BY project_id ORDER BY project_id
      ON CONFLICT (project_id, slot) DO UPDATE SET accepted = known.accepted + excluded.accepted
    )
    SELECT coalesce(max(n), 0) AS n FROM erasures`
}
