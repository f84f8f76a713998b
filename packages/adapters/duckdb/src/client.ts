import {
  BIGINT,
  BOOLEAN,
  DOUBLE,
  DuckDBBlobValue,
  type DuckDBConnection,
  DuckDBInstance,
  type DuckDBType,
  type DuckDBValue,
  VARCHAR
} from "@duckdb/node-api"
import type { RawRow, SqlValue } from "@millrace/core"
import { Effect, type Scope } from "effect"
import { DriverFailure } from "./failure.ts"

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
}

/** Opened with, or set before the configuration is locked; values are DuckDB's own text. */
export interface DatabaseSettings {
  readonly path: string
  readonly config: Readonly<Record<string, string>>
  /** The only folder, besides the database itself, that SQL may read and write. */
  readonly allowedDirectory: string
}

/**
 * The cache hands out one database per file and process: two of them on one file would lose data silently.
 * An in-memory database is never shared.
 */
export const openDatabase = (settings: DatabaseSettings): Effect.Effect<Database, DriverFailure, Scope.Scope> =>
  Effect.gen(function* () {
    const instance = yield* Effect.acquireRelease(
      attempt(() =>
        settings.path === ":memory:"
          ? DuckDBInstance.create(settings.path, { ...settings.config })
          : DuckDBInstance.fromCache(settings.path, { ...settings.config })
      ),
      (opened) => Effect.sync(() => opened.closeSync())
    )
    const connect = Effect.map(
      Effect.acquireRelease(
        attempt(() => instance.connect()),
        (connection) => Effect.sync(() => connection.closeSync())
      ),
      (connection): Connection => ({
        rows: (text, values = []) => runStatement(connection, readAll(text, values)),
        integers: (text, values = []) => runStatement(connection, readIntegers(text, values)),
        masks: (text, values = []) => runStatement(connection, readMasks(text, values))
      })
    )
    yield* Effect.scoped(Effect.flatMap(connect, (connection) => lockDown(connection, settings.allowedDirectory)))
    return { connect }
  })

/** A database shared through the cache is locked already. */
const lockDown = Effect.fnUntraced(function* (connection: Connection, allowedDirectory: string) {
  const [setting] = yield* connection.rows("SELECT current_setting('lock_configuration') AS locked")
  if (setting?.["locked"] === true) return
  yield* connection.rows(`SET allowed_directories = [${quoted(allowedDirectory)}]`)
  yield* connection.rows("SET enable_external_access = false")
  yield* connection.rows("SET lock_configuration = true")
})

/** SET takes no parameters; the folder comes from the operator, not from a request. */
const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`

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

const readAll: Read<ReadonlyArray<RawRow>> = (text, values) => async (connection) => {
  const bound = values.map(boundOf)
  const reader = await connection.runAndReadAll(text, bound, bound.map(typeOf))
  return reader.getRowObjectsJS().map(decodeTexts)
}

const readChunks = async (connection: DuckDBConnection, text: string, values: ReadonlyArray<BoundValue>) => {
  const bound = values.map(boundOf)
  const result = await connection.run(text, bound, bound.map(typeOf))
  return { columns: result.columnCount, chunks: await result.fetchAllChunks() }
}

const readIntegers: Read<ReadonlyArray<Int32Array>> = (text, values) => async (connection) => {
  const { chunks, columns } = await readChunks(connection, text, values)
  const counts = chunks.map((chunk) => chunk.rowCount)
  const rows = counts.reduce((sum, count) => sum + count, 0)
  return Array.from({ length: columns }, (_, column) => {
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
    const { chunks } = await readChunks(connection, text, values)
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
const decodeTexts = (row: RawRow): RawRow =>
  Object.fromEntries(
    Object.entries(row).map(([column, value]) => [column, value instanceof Uint8Array ? utf8.decode(value) : value])
  )

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
