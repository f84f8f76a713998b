import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { type QueueCopier, SnapshotError, type StoreCopier } from "@millrace/core"
import { Effect, type Scope, type Semaphore } from "effect"
import type { Connection, Database } from "../client.ts"
import { type Cursor, formatCursor, parseCursor } from "../Cursor.ts"
import { DriverFailure } from "../errors.ts"
import { CONTENTS_NAME, type Contents, FOLDER, fileOf } from "./contents.ts"
import { CONSUMED, consumedOf, EXPECTED_EVENTS, PLACE_OF_CURSOR } from "./places.ts"
import { type Table, TABLES } from "./tables.ts"

/** Whoever has the permit keeps others from it. */
export interface Holds {
  readonly pruning: Semaphore.Semaphore
  readonly replaying: Semaphore.Semaphore
}

/** For the whole of a large database. */
const WITHIN_MILLIS = 21_600_000

const failed = (cause: unknown) => new SnapshotError({ of: "store", behind: false, cause })

/** Where publishing is the commit: everything acknowledged is in a snapshot that is taken later. */
export const copierOf = (database: Database, holds: Holds): StoreCopier => ({
  hold: () => hold(holds),
  copyTo: (directory, cursor) => Effect.map(copy(database, directory, cursor), ({ place }) => place)
})

/** Behind a queue, which is copied after it. */
export const copierBehind = (queue: QueueCopier, database: Database, holds: Holds): StoreCopier => ({
  hold: (options) => Effect.andThen(hold(holds), queue.hold(options)),
  copyTo: Effect.fnUntraced(function* (directory, cursor) {
    const { consumed, place } = yield* copy(database, directory, cursor)
    yield* queue.copyTo(directory, consumed)
    return place
  })
})

const hold = ({ pruning, replaying }: Holds): Effect.Effect<void, never, Scope.Scope> =>
  Effect.forEach(
    [pruning, replaying],
    (permits) => Effect.acquireRelease(permits.take(1), () => permits.release(1), { interruptible: true }),
    { discard: true }
  )

/**
 * Every table as of one snapshot. It takes no transaction number: with one, all that is stored meanwhile would be hidden from
 * the warehouse. So no temporary table either.
 */
const copy = (database: Database, directory: string, cursor: string) =>
  Effect.gen(function* () {
    const folder = join(directory, FOLDER)
    yield* written(() => mkdir(folder))
    const after = yield* parseCursor(cursor)
    return yield* database.transaction((connection) => copyIn(connection, folder, after), WITHIN_MILLIS)
  }).pipe(Effect.mapError(failed))

const copyIn = Effect.fnUntraced(function* (connection: Connection, folder: string, after: Cursor) {
  for (const text of SET_UP) yield* connection.rows({ text })
  const migrations = yield* connection.rows({ text: "SELECT version FROM migrations ORDER BY version" })
  const tables: Array<Contents["tables"][number]> = []
  for (const table of TABLES) tables.push(yield* copyTable(connection, folder, table))
  const [told] = yield* connection.rows(EXPECTED_EVENTS)
  const expected = Number(told?.["events"])
  const events = tables.find(({ name }) => name === "events")?.rows
  if (events !== expected) {
    return yield* Effect.fail(new DriverFailure(`the segments tell of ${expected} events, and hold ${events}`))
  }
  const contents: Contents = { migrations: migrations.map((row) => Number(row["version"])), tables }
  yield* written(() => writeFile(join(folder, CONTENTS_NAME), `${JSON.stringify(contents, undefined, 2)}\n`))
  return { place: yield* placeOf(connection, after), consumed: consumedOf(yield* connection.rows(CONSUMED)) }
})

const SET_UP = [
  "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY",
  "SET LOCAL statement_timeout = 0",
  "SET LOCAL idle_in_transaction_session_timeout = 0"
]

const copyTable = Effect.fnUntraced(function* (connection: Connection, folder: string, table: Table) {
  const { columns, name, select = `SELECT ${columns.join(", ")} FROM ${name}` } = table
  const rows = yield* connection.copyOutFile(`COPY (${select}) TO STDOUT`, join(folder, fileOf(name)))
  return { name, columns: [columns[0]!, ...columns.slice(1)] as const, rows }
})

const placeOf = Effect.fnUntraced(function* (connection: Connection, { n, xid }: Cursor) {
  const [row] = yield* connection.rows(PLACE_OF_CURSOR, [xid, n])
  const nothing = Number(row?.["total"]) === 0
  return formatCursor({ xid: String(row?.["new_xid"]), n: nothing ? 0 : Number(row?.["new_n"]) })
})

const written = (task: () => Promise<unknown>) =>
  Effect.tryPromise({ try: task, catch: (cause) => new DriverFailure(cause) })
