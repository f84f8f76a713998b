import {
  BIGINT,
  BOOLEAN,
  DOUBLE,
  DuckDBBlobValue,
  type DuckDBConnection,
  DuckDBInstance,
  type DuckDBMaterializedResult,
  type DuckDBType,
  type DuckDBValue,
  JSDuckDBValueConverter,
  VARCHAR
} from "@duckdb/node-api"
import type { RawRow, SqlValue } from "@millrace/core"
import { Effect, Schedule, type Scope } from "effect"
import { DriverFailure } from "./errors.ts"
import { takePlace } from "./takePlace.ts"

export type BoundValue = SqlValue | null

/** One connection: one statement at a time, kept so by the caller. */
export interface Connection {
  /** Interruption stops the statement and waits until it has stopped. */
  readonly rows: (
    text: string,
    values?: ReadonlyArray<BoundValue>
  ) => Effect.Effect<ReadonlyArray<RawRow>, DriverFailure>
  /** Of columns that are all INTEGER and never null: for many rows. */
  readonly integers: (
    text: string,
    values?: ReadonlyArray<BoundValue>
  ) => Effect.Effect<ReadonlyArray<Int32Array>, DriverFailure>
  /** Of an INTEGER and a BLOB, which stays bytes. */
  readonly masks: (
    text: string,
    values?: ReadonlyArray<BoundValue>
  ) => Effect.Effect<readonly [ReadonlyArray<number>, ReadonlyArray<Uint8Array>], DriverFailure>
}

export interface Database {
  readonly connect: Effect.Effect<Connection, DriverFailure, Scope.Scope>
  /**
   * The database in the file `fresh` takes the place of this one, in the same connections; none of them may be in use. After
   * a crash the file holds one or the other, whole.
   */
  readonly replaceBy: (fresh: string) => Effect.Effect<void, DriverFailure>
}

/** Opened with, or set before the configuration is locked; values are DuckDB's own text. */
export interface DatabaseSettings {
  readonly path: string
  readonly config: Readonly<Record<string, string>>
  /** The only folder, besides the database itself, that SQL may read and write. */
  readonly allowedDirectory: string
}

export const openDatabase = (settings: DatabaseSettings): Effect.Effect<Database, DriverFailure, Scope.Scope> =>
  Effect.gen(function* () {
    const opened = yield* Effect.acquireRelease(
      Effect.map(openInstance(settings), (instance) => {
        changeOpenings(settings.path, 1)
        return { instance }
      }),
      ({ instance }) =>
        Effect.sync(() => {
          changeOpenings(settings.path, -1)
          instance.closeSync()
        })
    )
    const held = new Set<Held>()
    const connect = Effect.map(
      Effect.acquireRelease(
        attempt(async () => {
          const connection = { driver: await opened.instance.connect() }
          held.add(connection)
          return connection
        }),
        (connection) =>
          Effect.sync(() => {
            held.delete(connection)
            connection.driver.closeSync()
          })
      ),
      connectionOf
    )
    yield* Effect.scoped(Effect.flatMap(connect, (connection) => lockDown(connection, settings.allowedDirectory)))
    return { connect, replaceBy: (fresh) => Effect.uninterruptible(replace(settings, opened, held, fresh)) }
  })

/** A connection that outlives the file it was made to. */
interface Held {
  driver: DuckDBConnection
}

const connectionOf = (held: Held): Connection => ({
  rows: (text, values = []) => runStatement(held.driver, readAll(text, values)),
  integers: (text, values = []) => runStatement(held.driver, readIntegers(text, values)),
  masks: (text, values = []) => runStatement(held.driver, readMasks(text, values))
})

/**
 * The cache hands out one database per file and process: two of them on one file would lose data silently.
 * An in-memory database is never shared.
 */
const openInstance = ({ config, path }: DatabaseSettings) =>
  attempt(() =>
    path === ":memory:" ? DuckDBInstance.create(path, { ...config }) : DuckDBInstance.fromCache(path, { ...config })
  )

/** How often this process has a file open: all of them share one database, which goes on until the last is closed. */
const openings = new Map<string, number>()

const changeOpenings = (path: string, by: number) => {
  const count = (openings.get(path) ?? 0) + by
  if (count === 0) openings.delete(path)
  else openings.set(path, count)
}

const replace = Effect.fnUntraced(function* (
  settings: DatabaseSettings,
  opened: { instance: DuckDBInstance },
  held: ReadonlySet<Held>,
  fresh: string
) {
  if ((openings.get(settings.path) ?? 0) > 1) {
    return yield* Effect.fail(new DriverFailure(`IO Error: ${settings.path} is open twice in this process`))
  }
  for (const { driver } of held) driver.closeSync()
  opened.instance.closeSync()
  const moved = yield* Effect.exit(attempt(() => takePlace(fresh, settings.path)))
  // Whether it moved or not: whatever lies there is whole.
  opened.instance = yield* Effect.retry(openInstance(settings), { times: REOPEN_TIMES, schedule: REOPEN_EVERY })
  for (const connection of held) connection.driver = yield* attempt(() => opened.instance.connect())
  const [first] = held
  if (first !== undefined) yield* lockDown(connectionOf(first), settings.allowedDirectory)
  yield* moved
})

/** Another process may have opened the file in between, only to be told that it is not its own. */
const REOPEN_TIMES = 50
const REOPEN_EVERY = Schedule.spaced(100)

/** A database shared through the cache is locked already. */
const lockDown = Effect.fnUntraced(function* (connection: Connection, allowedDirectory: string) {
  const [setting] = yield* connection.rows("SELECT current_setting('lock_configuration') AS locked")
  if (setting?.["locked"] === true) return
  yield* connection.rows(`SET allowed_directories = [${quotedText(allowedDirectory)}]`)
  yield* connection.rows("SET enable_external_access = false")
  yield* connection.rows("SET lock_configuration = true")
})

/** SET and ATTACH take no parameters; such text comes from the operator, not from a request. */
export const quotedText = (text: string) => `'${text.replaceAll("'", "''")}'`

const attempt = <A>(promise: () => Promise<A>): Effect.Effect<A, DriverFailure> =>
  Effect.tryPromise({ try: promise, catch: (cause) => new DriverFailure(cause) })

/** An interrupt that comes before the statement has begun is lost, so it is repeated. */
const INTERRUPT_EVERY_MILLIS = 20

const runStatement = <A>(connection: DuckDBConnection, run: (connection: DuckDBConnection) => Promise<A>) =>
  Effect.callback<A, DriverFailure>((resume) => {
    const running = run(connection)
    running.then(
      (result) => resume(Effect.succeed(result)),
      (cause: unknown) => resume(Effect.fail(new DriverFailure(cause)))
    )
    return Effect.promise(async () => {
      const timer = setInterval(() => connection.interrupt(), INTERRUPT_EVERY_MILLIS)
      connection.interrupt()
      await running.catch(() => undefined)
      clearInterval(timer)
    })
  })

type Read<A> = (text: string, values: ReadonlyArray<BoundValue>) => (connection: DuckDBConnection) => Promise<A>

/** Each step on the driver's threads waits for the event loop: without values one will do, in place of three. */
const run = (connection: DuckDBConnection, text: string, values: ReadonlyArray<BoundValue>) => {
  if (values.length === 0) return connection.run(text)
  const bound = values.map(boundOf)
  return connection.run(text, bound, bound.map(typeOf))
}

/** All of it lies in memory, so there is nothing to wait for. */
const chunksOf = (result: DuckDBMaterializedResult) =>
  Array.from({ length: result.chunkCount }, (_, index) => result.getChunk(index))

const readAll: Read<ReadonlyArray<RawRow>> = (text, values) => async (connection) => {
  const result = await run(connection, text, values)
  const names = result.deduplicatedColumnNames()
  return chunksOf(result).flatMap((chunk) =>
    chunk
      .convertRows(JSDuckDBValueConverter)
      .map((row) => Object.fromEntries(row.map((value, column) => [names[column], decodeText(value)])))
  )
}

const readIntegers: Read<ReadonlyArray<Int32Array>> = (text, values) => async (connection) => {
  const result = await run(connection, text, values)
  const chunks = chunksOf(result)
  const counts = chunks.map((chunk) => chunk.rowCount)
  const rows = counts.reduce((sum, count) => sum + count, 0)
  return Array.from({ length: result.columnCount }, (_, column) => {
    const integers = new Int32Array(rows)
    let at = 0
    for (const [index, chunk] of chunks.entries()) {
      const vector = chunk.getColumnVector(column)
      for (let row = 0; row < counts[index]!; row++) integers[at++] = Number(vector.getItem(row))
    }
    return integers
  })
}

const readMasks: Read<readonly [ReadonlyArray<number>, ReadonlyArray<Uint8Array>]> =
  (text, values) => async (connection) => {
    const chunks = chunksOf(await run(connection, text, values))
    const numbers = chunks.flatMap((chunk) => chunk.getColumnValues(0).map(Number))
    const masks = chunks.flatMap((chunk) => chunk.getColumnValues(1).map(bytesOf))
    return [numbers, masks]
  }

const bytesOf = (value: DuckDBValue): Uint8Array => {
  if (!(value instanceof DuckDBBlobValue)) throw new TypeError("not a BLOB")
  return value.bytes
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** Text comes as BLOB (see `dialect.text`). */
const decodeText = (value: unknown) => (value instanceof Uint8Array ? utf8.decode(value) : value)

/** Whole numbers travel as BIGINT, whatever their size: microseconds and day numbers meet in one expression. */
const boundOf = (value: BoundValue) => (typeof value === "number" && Number.isInteger(value) ? BigInt(value) : value)

const typeOf = (value: BoundValue): DuckDBType =>
  typeof value === "bigint"
    ? BIGINT
    : typeof value === "number"
      ? DOUBLE
      : typeof value === "boolean"
        ? BOOLEAN
        : VARCHAR
