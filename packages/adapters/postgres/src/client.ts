import { createReadStream, createWriteStream } from "node:fs"
import { pipeline } from "node:stream/promises"
import { Effect, Exit, Redacted, type Scope } from "effect"
import pg from "pg"
import { from as copyFrom, to as copyTo } from "pg-copy-streams"
import type { Settings } from "./config.ts"
import { DriverFailure } from "./errors.ts"

/** A Buffer travels in binary form, everything else as text; results come as text (the driver decodes all as UTF-8). */
export type BoundValue = string | number | bigint | boolean | null | Buffer | ReadonlyArray<string | number>
export type Row = Readonly<Record<string, unknown>>

/** One statement; `name` keeps its plan on the connection. */
export interface Statement {
  readonly name?: string
  readonly text: string
}

/** One connection: one statement at a time. */
export interface Connection {
  readonly rows: (
    statement: Statement,
    values?: ReadonlyArray<BoundValue>
  ) => Effect.Effect<ReadonlyArray<Row>, DriverFailure>
  /** `statement` is a `COPY … FROM STDIN`. */
  readonly copyIn: (statement: string, chunks: ReadonlyArray<Buffer>) => Effect.Effect<void, DriverFailure>
  /** As `copyIn`, from a file of any size. */
  readonly copyInFile: (statement: string, file: string) => Effect.Effect<void, DriverFailure>
  /** `statement` is a `COPY … TO STDOUT`, into a new file of any size; returns the number of rows. */
  readonly copyOutFile: (statement: string, file: string) => Effect.Effect<number, DriverFailure>
}

export interface Database {
  /** Lends a connection. After a failure or an interruption it is closed, and its transaction with it. */
  readonly use: <A, E>(
    body: (connection: Connection) => Effect.Effect<A, E>,
    withinMillis?: number
  ) => Effect.Effect<A, E | DriverFailure>
  /** As `use`, in a transaction that commits when the body succeeds. */
  readonly transaction: <A, E>(
    body: (connection: Connection) => Effect.Effect<A, E>,
    withinMillis?: number
  ) => Effect.Effect<A, E | DriverFailure>
}

/** All tables of the hot store live in a schema of their own. */
export const SCHEMA = "millrace"

/** How a pool connects, and what holds on each of its connections. */
export interface PoolSettings extends Pick<
  Settings,
  | "url"
  | "connections"
  | "connectTimeoutMillis"
  | "statementTimeoutMillis"
  | "operationTimeoutMillis"
  | "idleInTransactionTimeoutMillis"
  | "applicationName"
> {
  /** The server's settings, by name; what only a superuser may set is left to the server where the role is none. */
  readonly session: Readonly<Record<string, string>>
  /** Whether a statement whose asker is gone is stopped at the server, which would finish it for nobody. */
  readonly stopsStatements?: boolean
}

/** The hot store's pool. */
export const openDatabase = (settings: Settings): Effect.Effect<Database, never, Scope.Scope> =>
  openPool({ ...settings, session: { search_path: SCHEMA, synchronous_commit: settings.synchronousCommit } })

export const openPool = (settings: PoolSettings): Effect.Effect<Database, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => makePool(settings)),
      (pool) => Effect.promise(() => pool.end())
    ),
    (pool) => makeDatabase(pool, settings)
  )

/**
 * Not as startup options: those of the URL would replace them, and the tables would land in another schema. The pool waits
 * for the promise, though its types do not say so.
 */
const hooksOf = ({ session }: PoolSettings) => ({
  onConnect: async (client: pg.ClientBase): Promise<void> => {
    await client.query(SET_UP, [Object.keys(session), Object.values(session)])
    const { rows } = await client.query<{ readonly pid: number }>("SELECT pg_backend_pid() AS pid")
    processes.set(client, rows[0]!.pid)
  }
})

/** The server's process of each connection. */
const processes = new WeakMap<pg.ClientBase, number>()

const SET_UP = `
  SELECT set_config(given.name, value, false) FROM unnest($1::text[], $2::text[]) AS given (name, value)
  JOIN pg_settings ON pg_settings.name = given.name
  WHERE context = 'user' OR (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)`

const addressOf = ({ connectTimeoutMillis, url }: PoolSettings) => ({
  connectionString: Redacted.isRedacted(url) ? Redacted.value(url) : url,
  connectionTimeoutMillis: connectTimeoutMillis
})

/** From beside, since the connection itself waits for its statement. Where that fails the server's own limits hold. */
const stopper =
  (settings: PoolSettings): Stop =>
  (client) =>
    Effect.promise(async () => {
      const beside = new pg.Client(addressOf(settings))
      beside.on("error", () => {})
      try {
        await beside.connect()
        await beside.query("SELECT pg_cancel_backend($1)", [processes.get(client)])
      } catch {
        return
      } finally {
        await beside.end().catch(() => undefined)
      }
    })

const makePool = (settings: PoolSettings): pg.Pool => {
  const pool = new pg.Pool({
    ...addressOf(settings),
    max: settings.connections,
    statement_timeout: settings.statementTimeoutMillis,
    idle_in_transaction_session_timeout: settings.idleInTransactionTimeoutMillis,
    application_name: settings.applicationName,
    keepAlive: true,
    ...hooksOf(settings)
  })
  // A connection may break while nothing runs on it; the next statement tells, and without these the process would end.
  pool.on("error", () => {})
  pool.on("connect", (client) => client.on("error", () => {}))
  return pool
}

const attempt = <A>(promise: () => Promise<A>): Effect.Effect<A, DriverFailure> =>
  Effect.tryPromise({ try: promise, catch: (cause) => new DriverFailure(cause) })

const makeDatabase = (pool: pg.Pool, settings: PoolSettings): Database => {
  const stop = settings.stopsStatements === true ? stopper(settings) : undefined
  const use: Database["use"] = (body, withinMillis = settings.operationTimeoutMillis) =>
    Effect.acquireUseRelease(
      attempt(() => pool.connect()),
      (client) =>
        body(connectionOf(client, stop)).pipe(
          Effect.timeoutOrElse({
            duration: withinMillis,
            orElse: () => Effect.fail(new DriverFailure(`no answer within ${withinMillis} ms`))
          })
        ),
      (client, exit) => Effect.sync(() => client.release(Exit.isFailure(exit)))
    )
  return {
    use,
    transaction: (body, withinMillis) =>
      use(
        (connection) =>
          Effect.gen(function* () {
            yield* connection.rows({ text: "BEGIN" })
            const result = yield* body(connection)
            yield* connection.rows({ text: "COMMIT" })
            return result
          }),
        withinMillis
      )
  }
}

type Stop = (client: pg.PoolClient) => Effect.Effect<void>

const connectionOf = (client: pg.PoolClient, stop: Stop | undefined): Connection => ({
  rows: (statement, values = []) => {
    const running = attempt(() => client.query({ ...statement, values: [...values] }))
    return Effect.map(
      stop === undefined ? running : Effect.onInterrupt(running, () => stop(client)),
      (result) => result.rows as ReadonlyArray<Row>
    )
  },
  copyIn: (statement, chunks) => attempt(() => copyAll(client, statement, chunks)),
  copyInFile: (statement, file) => attempt(() => pipeline(createReadStream(file), client.query(copyFrom(statement)))),
  copyOutFile: (statement, file) => attempt(() => copyOutFile(client, statement, file))
})

const OWNER_ONLY = 0o600

const copyOutFile = async (client: pg.PoolClient, statement: string, file: string): Promise<number> => {
  const stream = client.query(copyTo(statement))
  await pipeline(stream, createWriteStream(file, { flags: "wx", mode: OWNER_ONLY }))
  // The number of rows follows the last of them; the next statement waits for it.
  await client.query("SELECT")
  return stream.rowCount
}

/** All of it lies in memory already, so there is no use in waiting for the socket between chunks. */
const copyAll = (client: pg.PoolClient, statement: string, chunks: ReadonlyArray<Buffer>): Promise<void> =>
  new Promise((resolve, reject) => {
    const stream = client.query(copyFrom(statement))
    stream.once("finish", () => resolve())
    stream.on("error", reject)
    for (const chunk of chunks) stream.write(chunk)
    stream.end()
  })
