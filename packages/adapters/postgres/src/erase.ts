import { type Erased, type Erasure, EventBatch, IDENTIFY, type Tombstones } from "@millrace/core"
import { Effect, Schedule } from "effect"
import type { Connection, Database } from "./client.ts"
import type { Erasures } from "./erasures.ts"
import { DriverFailure } from "./errors.ts"
import { addPurged } from "./deadLetters.ts"

/** Every table is read once, and those with rows of the user are written anew. */
const WITHIN_MILLIS = 3_600_000

/**
 * Tombstones first: from then on nothing of the user is stored. Then redacted events take the place of what is there; then the tables'
 * files are written anew, since an UPDATE leaves the old versions in them, and VACUUM their bytes.
 */
export const erase = (database: Database, erasures: Erasures, erasure: Erasure) =>
  Effect.gen(function* () {
    if (!erasures.tombstones.holds(erasure)) {
      yield* database.transaction((connection) => bury(connection, erasures.tombstones, erasure), WITHIN_MILLIS)
      yield* erasures.refresh
    }
    const dead_letters = yield* purgeLetters(database, erasures.tombstones, erasure.project_id)
    const { events, xid } = yield* database.transaction((connection) => hideErased(connection, erasure), WITHIN_MILLIS)
    const mark = yield* database.use(readMark)
    if (mark !== undefined) yield* rewriteTables(database, TABLES, { xid, mark })
    const erased: ReadonlyArray<Erased> = [
      { place: "store", events },
      { place: "dead_letters", events: dead_letters }
    ]
    return erased
  })

/**
 * The lock waits for every append under way, and later ones wait for it: each is either seen by the statements that follow,
 * or sees the tombstones. Erasures wait for each other as well: whoever reads tombstones by their numbers would miss one
 * that was committed after a higher one.
 */
const bury = Effect.fnUntraced(function* (
  connection: Connection,
  { hash }: Tombstones,
  { project_id, until, user_ids }: Erasure
) {
  yield* connection.rows({ text: "LOCK TABLE segments IN SHARE ROW EXCLUSIVE MODE" })
  const hashes = user_ids.map((user_id) => hash(project_id, user_id))
  yield* connection.rows({ text: "DELETE FROM erasures WHERE hash = ANY ($1::text[])" }, [hashes])
  yield* connection.rows(BURY, [hashes, until])
})

const BURY = { text: "INSERT INTO erasures (hash, until) SELECT unnest($1::text[]), $2::bigint" }

/** In the transaction that overwrites or deletes. */
export const markDue = (connection: Connection) =>
  connection.rows({ text: "UPDATE erasure_state SET rewrite_due = true" })

const hideErased = Effect.fnUntraced(function* (connection: Connection, { project_id, until, user_ids }: Erasure) {
  yield* connection.rows({ text: "SET LOCAL statement_timeout = 0" })
  const [row] = yield* connection.rows(VEIL, [project_id, user_ids, until, IDENTIFY])
  if (Number(row?.["events"]) > 0) yield* markDue(connection)
  return { events: Number(row?.["events"]), xid: String(row?.["xid"]) }
})

const VEIL = {
  text: `
    WITH redacted AS (
      UPDATE events SET user_id = '', event_type = '', properties = '{}', occurred_at = 0, skew_micros = 0
      WHERE project_id = $1 AND (occurred_at <= $3::bigint OR received_at <= $3::bigint)
        AND (user_id = ANY ($2::text[]) OR (event_type = $4 AND json_typeof(properties -> 'anonymous_id') = 'string'
          AND properties ->> 'anonymous_id' = ANY ($2::text[])))
      RETURNING 1
    )
    SELECT count(*) AS events, pg_current_xact_id()::text AS xid FROM redacted`
}

/** Letters of one step. */
const STEP = 500

/** A letter is encoded, so it is told here whose it is; every one is looked at. */
const purgeLetters = Effect.fnUntraced(function* (database: Database, tombstones: Tombstones, project_id: string) {
  let after = "0"
  let purged = 0
  while (true) {
    const letters = yield* database.use((connection) => connection.rows(LETTERS, [after, project_id, STEP]))
    const covered = letters.filter(({ batch }) =>
      tombstones.isErased(EventBatch.fromBytes(Buffer.from(String(batch), "hex")).events[0]!)
    )
    if (covered.length > 0) {
      const ids = covered.map(({ id }) => String(id))
      yield* database.transaction((connection) => Effect.andThen(connection.rows(PURGE, [ids]), markDue(connection)))
      purged += covered.length
    }
    if (letters.length < STEP) return purged
    after = String(letters.at(-1)?.["id"])
  }
})

const LETTERS = {
  text: `
    SELECT id, encode(batch, 'hex') AS batch FROM dead_letters
    WHERE id > $1::bigint AND project_id = $2 ORDER BY id LIMIT $3`
}
const PURGE = {
  text: `
    WITH gone AS (DELETE FROM dead_letters WHERE id = ANY ($1::bigint[]) RETURNING project_id, stage)
    ${addPurged("gone")}`
}

/** Which transaction was the last to say that tables have to be written anew; undefined where they have not. */
export const readMark = (connection: Connection) =>
  Effect.map(
    connection.rows({ text: "SELECT xmin::text AS mark FROM erasure_state WHERE rewrite_due" }),
    ([row]): string | undefined => (row === undefined ? undefined : String(row["mark"]))
  )

/** Not what another erasure has marked since: its rows may have come after the tables were written. */
const UNMARK = { text: "UPDATE erasure_state SET rewrite_due = false WHERE xmin::text = $1" }

const TABLES = ["events", "dead_letters"]
/** Whoever wants the table waits behind VACUUM FULL, and VACUUM FULL behind whoever has it: rather try again. */
const LOCK_TIMEOUT_MILLIS = 2_000
const LOCK_TIMES = 20

/** Writes the tables' files anew, once nobody looks at what was there before the transaction `xid`. */
export const rewriteTables = Effect.fnUntraced(function* (
  database: Database,
  tables: ReadonlyArray<string>,
  { mark, xid }: { readonly mark: string; readonly xid: string }
) {
  yield* waitForSnapshots(database, xid)
  for (const table of tables) {
    yield* Effect.retry(
      database.use((connection) => vacuumFull(connection, table), WITHIN_MILLIS),
      { times: LOCK_TIMES, while: ({ code }) => code === LOCK_NOT_AVAILABLE }
    )
  }
  yield* database.use((connection) => connection.rows(UNMARK, [mark]))
})

const LOCK_NOT_AVAILABLE = "55P03"

const vacuumFull = Effect.fnUntraced(function* (connection: Connection, table: string) {
  yield* connection.rows({ text: "SET statement_timeout = 0" })
  yield* connection.rows({ text: `SET lock_timeout = ${LOCK_TIMEOUT_MILLIS}` })
  yield* connection.rows({ text: `VACUUM FULL ${table}` })
  yield* connection.rows({ text: "RESET lock_timeout" })
  yield* connection.rows({ text: "RESET statement_timeout" })
})

const SNAPSHOT_POLL_MILLIS = 100
const SNAPSHOT_TIMES = 200

/** VACUUM FULL keeps the versions that a transaction might still look at, so none may be older than the overwriting. */
const waitForSnapshots = (database: Database, xid: string) =>
  database
    .use((connection) => connection.rows(OLDER_SNAPSHOTS, [xid]))
    .pipe(
      Effect.flatMap(([row]) =>
        row?.["older"] === true
          ? Effect.fail(new DriverFailure("an older transaction may still look at what was erased"))
          : Effect.void
      ),
      Effect.retry({ times: SNAPSHOT_TIMES, schedule: Schedule.spaced(SNAPSHOT_POLL_MILLIS) })
    )

/** Sessions of other users show only to members of pg_read_all_stats. */
const OLDER_SNAPSHOTS = {
  text: `
    SELECT EXISTS (
      SELECT FROM (
        SELECT backend_xmin AS xmin FROM pg_stat_activity
        WHERE pid <> pg_backend_pid() AND backend_type <> 'autovacuum worker'
          AND coalesce(datname, current_database()) = current_database()
        UNION ALL SELECT xmin FROM pg_replication_slots
        UNION ALL SELECT transaction FROM pg_prepared_xacts WHERE database = current_database()
      ) AS held
      WHERE xmin IS NOT NULL AND age(xmin) >= age(($1::numeric % 4294967296)::text::xid)
    ) AS older`
}
