import { Clock, Effect, Ref, type Semaphore } from "effect"
import type { Connection, Database, Row } from "./client.ts"
import type { Settings } from "./config.ts"
import { parseCursor } from "./Cursor.ts"
import { dayOf } from "./day.ts"

const MICROS_PER_DAY = 86_400_000_000
/** Per transaction, so that none lasts long: the replay order waits for every open transaction. */
const EVENTS_PER_STEP = 20_000
const SWEEP_EVERY_MILLIS = 3_600_000

/**
 * Frees events by DELETE in bounded steps. Not by dropping partitions: those must be made while serving, with a lock that
 * queues behind any long reader, and events are freed in the order they came, so whole pages become free for reuse anyway.
 */
export const makePrune = (database: Database, settings: Settings, pruning: Semaphore.Semaphore) =>
  Effect.map(Ref.make(0), (sweptAt) =>
    // While somebody else has the permit nothing is freed: the next call does it.
    Effect.fnUntraced(
      function* (upTo: string) {
        const cursor = yield* parseCursor(upTo)
        const nowMillis = yield* Clock.currentTimeMillis
        const before = nowMillis * 1000 - settings.retainDays * MICROS_PER_DAY
        while (yield* database.transaction((connection) => freeStep(connection, [cursor.xid, cursor.n, before])));
        if (nowMillis - (yield* Ref.get(sweptAt)) < SWEEP_EVERY_MILLIS) return
        yield* Ref.set(sweptAt, nowMillis)
        const today = dayOf(nowMillis * 1000)
        yield* sweep(database, FORGET_DELIVERIES, today - settings.redeliveryDays)
        if (settings.dedupeDays !== undefined) yield* sweep(database, FORGET_IDENTITIES, today - settings.dedupeDays)
      },
      (step) => Effect.asVoid(pruning.withPermitsIfAvailable(1)(step))
    )
  )

/** Returns whether there may be more. */
const freeStep = Effect.fnUntraced(function* (connection: Connection, limits: ReadonlyArray<string | number>) {
  const [end] = yield* connection.rows(FIND_END, [...limits, EVENTS_PER_STEP])
  if (end === undefined) return false
  const bound = [String(end["xid"]), Number(end["last_n"])]
  yield* connection.rows(FREE_EVENTS, bound)
  yield* connection.rows(FREE_SET_ASIDE, bound)
  yield* connection.rows(FREE_SEGMENTS, bound)
  yield* connection.rows(NOTE_FREED, bound)
  return true
})

/** From the start of the order to the first segment that must stay, or to the end of a step. */
const FIND_END = {
  name: "find_end",
  text: `
    SELECT xid::text, last_n FROM (
      SELECT xid, last_n, sum(accepted) OVER place - accepted AS events_before,
        bool_and(received_at < $3::bigint) OVER place AS is_old
      FROM (
        SELECT * FROM segments WHERE (xid, last_n) <= ($1::xid8, $2::int) ORDER BY xid, last_n LIMIT $4::int
      ) AS first WINDOW place AS (ORDER BY xid, last_n)
    ) AS running
    WHERE is_old AND events_before < $4::int
    ORDER BY running.xid DESC, last_n DESC LIMIT 1`
}

const FREE_EVENTS = { name: "free_events", text: "DELETE FROM events WHERE (xid, n) <= ($1::xid8, $2::int)" }

const FREE_SET_ASIDE = {
  name: "free_set_aside",
  text: "DELETE FROM set_aside WHERE (xid, n) <= ($1::xid8, $2::int)"
}

const FREE_SEGMENTS = {
  name: "free_segments",
  text: `
    WITH gone AS (
      DELETE FROM segments WHERE (xid, last_n) <= ($1::xid8, $2::int) RETURNING project_id, accepted, stored
    )
    INSERT INTO freed AS known (project_id, accepted, stored)
    SELECT project_id, sum(accepted), sum(stored) FROM gone GROUP BY project_id ORDER BY project_id
    ON CONFLICT (project_id) DO UPDATE SET
      accepted = known.accepted + excluded.accepted, stored = known.stored + excluded.stored`
}

/** For a warehouse that has not come this far. */
const NOTE_FREED = { name: "note_freed", text: "UPDATE store_state SET freed_xid = $1::xid8, freed_n = $2::int" }

interface Forget {
  readonly name: string
  readonly text: string
}

const sweep = Effect.fnUntraced(function* (database: Database, statement: Forget, firstDayKept: number) {
  let rows: ReadonlyArray<Row>
  do {
    rows = yield* database.use((connection) => connection.rows(statement, [firstDayKept, EVENTS_PER_STEP]))
  } while (Number(rows[0]?.["forgotten"]) === EVENTS_PER_STEP)
})

const FORGET_DELIVERIES: Forget = {
  name: "forget_deliveries",
  text: `
    WITH gone AS (
      DELETE FROM deliveries WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM deliveries WHERE received_on < DATE 'epoch' + $1::int LIMIT $2::int
      )) RETURNING 1
    )
    SELECT count(*) AS forgotten FROM gone`
}

const FORGET_IDENTITIES: Forget = {
  name: "forget_identities",
  text: `
    WITH gone AS (
      DELETE FROM identities WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM identities WHERE received_on < DATE 'epoch' + $1::int LIMIT $2::int
      )) RETURNING 1
    )
    SELECT count(*) AS forgotten FROM gone`
}
