import {
  type DeadLetter,
  type DeadLetterReason,
  EventBatch,
  EventQueueError,
  QueueUnavailable,
  type StoreLetters,
  type Tombstones
} from "@millrace/core"
import { Clock, Effect, type Semaphore } from "effect"
import type { BoundValue, Database, Row } from "./client.ts"
import { parseCursor } from "./Cursor.ts"
import { DriverFailure } from "./errors.ts"
import { placeOf } from "./place.ts"
import { after } from "./snapshot.ts"

type Operation = EventQueueError["operation"]

const failed = (operation: Operation) => (cause: DriverFailure) =>
  new EventQueueError({ operation, reason: new QueueUnavailable({ cause }) })

/**
 * Dead letters in a table: of what the warehouse refused, and of all where there is no queue to keep them. `replaying`: one
 * at a time, and none while somebody else has the permit.
 */
export const makeLetters = (
  database: Database,
  tombstones: Tombstones,
  replaying: Semaphore.Semaphore
): StoreLetters => {
  const rows = (operation: Operation, text: string, values: ReadonlyArray<BoundValue> = []) =>
    database.use((connection) => connection.rows({ text }, values)).pipe(Effect.mapError(failed(operation)))
  return {
    put: Effect.fnUntraced(function* (batch, reason) {
      const now = (yield* Clock.currentTimeMillis) * 1000
      // Somebody may have been erased since it was read.
      const letters = lettersOf(tombstones.hideErased(batch), reason, now)
      if (reason.stage !== "warehouse") return yield* rows("deadLetter", ADD, letters)
      const place = yield* Effect.mapError(placeIn(batch), failed("deadLetter"))
      return yield* rows("deadLetter", SET_ASIDE, [...letters, ...place])
    }),
    list: ({ after: last = "0", limit, project_id }) =>
      POSITION.test(last)
        ? Effect.map(rows("deadLetters", LIST, [last, limit, project_id ?? null]), (found) => found.map(toLetter))
        : Effect.succeed([]),
    purge: (selection) =>
      Effect.map(rows("deadLetters", PURGE, [chosen(selection)]), (found) => Number(found[0]?.["count"])),
    replay: (selection, again) => replaying.withPermit(replay(rows, selection, again)),
    counts: Effect.map(rows("depth", COUNTS), (found) => ({
      accepted: by(found, "accepted"),
      deadLettered: by(found, "dead"),
      replayed: by(found, "replayed"),
      lost: by(found, "lost"),
      inFlight: after(String(found[0]?.["snapshot"]))
    }))
  }
}

const by = (rows: ReadonlyArray<Row>, column: string) =>
  Object.fromEntries(
    rows.filter((row) => row["project_id"] !== null).map((row) => [String(row["project_id"]), Number(row[column])])
  )

const POSITION = /^\d{1,18}$/u

/** No id that is not ours selects anything; null selects all. */
const chosen = (selection: ReadonlyArray<string> | "all") =>
  selection === "all" ? null : selection.filter((id) => POSITION.test(id))

const lettersOf = (batch: EventBatch, reason: DeadLetterReason, now: number): ReadonlyArray<BoundValue> => [
  batch.project_id,
  batch.events.map(({ event_id }) => event_id),
  batch.events.map((event) => `\\x${Buffer.from(EventBatch.fromEvents([event]).bytes).toString("hex")}`),
  reason.stage,
  reason.code,
  // A message may quote what PostgreSQL's text cannot hold.
  reason.message.replaceAll("\0", "\uFFFD").toWellFormed().slice(0, MESSAGE_CHARACTERS),
  reason.attempts,
  now
]

const MESSAGE_CHARACTERS = 1_000

/** `letters` has `event_id` and `batch`. */
const addFrom = (letters: string) => `added AS (
    INSERT INTO dead_letters (project_id, event_id, batch, stage, code, message, attempts, failed_at)
    SELECT $1, event_id, batch, $4, $5, $6, $7::int, $8::bigint FROM ${letters}
    RETURNING 1
  )
  INSERT INTO dead_letter_totals AS known (project_id, stage, dead, replayed) SELECT $1, $4, count(*), 0 FROM added
  ON CONFLICT (project_id, stage) DO UPDATE SET dead = known.dead + excluded.dead`

const GIVEN = "unnest($2::uuid[], $3::bytea[]) AS given (event_id, batch)"

const ADD = `WITH ${addFrom(GIVEN)}`

/**
 * In one transaction the events leave the order, so that a load repeated after a crash does not meet them again, whatever
 * the warehouse takes by then; their ids are free, so that a replay is no duplicate of itself; and they are letters.
 */
const SET_ASIDE = `
  WITH gone AS (
    DELETE FROM events AS known USING ${GIVEN}
    WHERE known.project_id = $1 AND known.event_id = given.event_id
      AND (xid, n) > ($9::xid8, $10::int) AND (xid, n) <= ($11::xid8, $12::int)
    RETURNING xid, n, known.event_id, given.batch
  ), freed AS (
    DELETE FROM identities AS known USING gone WHERE known.project_id = $1 AND known.event_id = gone.event_id
  ), noted AS (
    INSERT INTO set_aside (xid, n, project_id) SELECT xid, n, $1 FROM gone
  ), ${addFrom("gone")}`

const placeIn = Effect.fnUntraced(function* ({ origin }: EventBatch) {
  const place = placeOf(origin)
  if (place === undefined) {
    return yield* Effect.fail(
      new DriverFailure("only events of a page read here can be set aside; cut batches with slice()")
    )
  }
  const [start, end] = yield* Effect.all([parseCursor(place.after), parseCursor(place.end)])
  return [start.xid, start.n, end.xid, end.n]
})

const LIST = `
  SELECT id, encode(batch, 'hex') AS batch, stage, code, message, attempts, failed_at FROM dead_letters
  WHERE id > $1::bigint AND project_id = coalesce($3, project_id) ORDER BY id LIMIT $2`

/** Of letters in `gone`, with `project_id` and `stage`. */
export const addPurged = (gone: string): string => `
  UPDATE dead_letter_totals AS known SET purged = known.purged + taken.count
  FROM (SELECT project_id, stage, count(*) AS count FROM ${gone} GROUP BY project_id, stage) AS taken
  WHERE known.project_id = taken.project_id AND known.stage = taken.stage`

const PURGE = `
  WITH gone AS (
    DELETE FROM dead_letters WHERE $1::bigint[] IS NULL OR id = ANY ($1) RETURNING project_id, stage
  ), counted AS (${addPurged("gone")})
  SELECT count(*) FROM gone`

/**
 * One snapshot, which is told. What was refused before it was stored is in no segment. A letter that is not on the list and was
 * neither replayed nor purged is lost.
 */
const COUNTS = `
  SELECT snapshot, counted.* FROM (SELECT pg_current_snapshot()::text AS snapshot) AS now LEFT JOIN (
  SELECT project_id, sum(accepted) AS accepted, sum(dead) - sum(lost) AS dead, sum(replayed) AS replayed, sum(lost) AS lost
  FROM (
    SELECT project_id, accepted, 0 AS dead, 0 AS replayed, 0 AS lost FROM accepted_totals
    UNION ALL SELECT project_id, CASE WHEN stage = 'warehouse' THEN 0 ELSE dead END, dead, replayed,
      greatest(0, dead - replayed - purged - (
        SELECT count(*) FROM dead_letters AS letter WHERE letter.project_id = known.project_id AND letter.stage = known.stage
      ))
    FROM dead_letter_totals AS known
  ) AS parts GROUP BY project_id
  ) AS counted ON true`

const batchOf = (row: Row) => EventBatch.fromBytes(Buffer.from(String(row["batch"]), "hex"))

const toLetter = (row: Row): DeadLetter => ({
  id: String(row["id"]),
  event: batchOf(row).events[0]!,
  reason: {
    stage: row["stage"] as DeadLetterReason["stage"],
    code: String(row["code"]),
    message: String(row["message"]),
    attempts: Number(row["attempts"])
  },
  failed_at: Number(row["failed_at"])
})

type Rows = (
  operation: Operation,
  text: string,
  values?: ReadonlyArray<BoundValue>
) => Effect.Effect<ReadonlyArray<Row>, EventQueueError>

/** Letters of one step, so that none holds a connection or memory for long. */
const STEP = 500

/** Published again first, then taken off: a crash in between makes duplicates, no losses. */
const replay = Effect.fnUntraced(function* (
  rows: Rows,
  selection: ReadonlyArray<string> | "all",
  again: (batch: EventBatch) => Effect.Effect<void, EventQueueError>
) {
  // What fails again comes back with a higher id: it is not met again here.
  const [newest] = yield* rows("deadLetters", "SELECT coalesce(max(id), 0) AS id FROM dead_letters")
  let count = 0
  while (true) {
    const letters = yield* rows("deadLetters", NEXT, [chosen(selection), String(newest?.["id"]), STEP])
    if (letters.length === 0) return count
    const ids = letters.map(({ id }) => String(id))
    for (const batch of EventBatch.group(letters.map((row) => batchOf(row).events[0]!))) yield* again(batch)
    yield* rows("deadLetters", TAKE_OFF, [ids])
    count += letters.length
  }
})

const NEXT = `
  SELECT id, encode(batch, 'hex') AS batch FROM dead_letters
  WHERE ($1::bigint[] IS NULL OR id = ANY ($1)) AND id <= $2::bigint ORDER BY id LIMIT $3`

const TAKE_OFF = `
  WITH gone AS (
    DELETE FROM dead_letters WHERE id = ANY ($1::bigint[]) RETURNING project_id, stage
  )
  UPDATE dead_letter_totals AS known SET replayed = known.replayed + taken.count
  FROM (SELECT project_id, stage, count(*) AS count FROM gone GROUP BY project_id, stage) AS taken
  WHERE known.project_id = taken.project_id AND known.stage = taken.stage`
