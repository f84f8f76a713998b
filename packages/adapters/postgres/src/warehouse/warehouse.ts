import {
  render,
  type SqlValue,
  Turns,
  Unsupported,
  UnsupportedFeature,
  Warehouse,
  WarehouseErasure,
  WarehouseError,
  WarehouseLedger,
  WarehouseOrigin,
  type WarehouseServices
} from "@millrace/core"
import { Context, Effect, Layer, Semaphore } from "effect"
import { type Connection, type Database, openPool, type PoolSettings } from "../client.ts"
import { type Erasures, openErasures } from "../erasures.ts"
import { DriverFailure } from "../errors.ts"
import { migrateWarehouse, WAREHOUSE_SCHEMA } from "../migrate.ts"
import { defaults, type PostgresWarehouseOptions, type WarehouseSettings } from "./config.ts"
import { dialect } from "./dialect.ts"
import { eraseUser } from "./erase.ts"
import { loadFailed, type Operation, overloaded, readFailed, timedOut } from "./errors.ts"
import { loadPage, rehearsePage } from "./load.ts"
import { readHistory, readPerson } from "./people.ts"
import { readReplica, type Told } from "./replica.ts"
import { bindStore, readCounts, readState, restart } from "./state.ts"

/**
 * A {@link Warehouse} in one database, in a schema of its own, whichever store fills it. Any number of processes may have it
 * open: loads, erasures and restarts wait for one another in the database.
 */
export const warehouse = (
  options: PostgresWarehouseOptions
): Layer.Layer<WarehouseServices | WarehouseOrigin, WarehouseError> =>
  Layer.effectContext(open({ ...defaults, ...options }))

const open = Effect.fn("Postgres.openWarehouse")(function* (settings: WarehouseSettings) {
  const database = yield* openPool(loadingPool(settings))
  yield* migrateWarehouse(database).pipe(Effect.mapError(loadFailed("open")))
  const erasures = yield* openErasures(database).pipe(Effect.mapError(loadFailed("open")))
  const { replicaUrl, url } = settings
  const primary = asking(yield* openPool(askingPool(settings, url)), settings)
  const replica =
    replicaUrl === undefined ? undefined : asking(yield* openPool(askingPool(settings, replicaUrl)), settings)
  return yield* makeWarehouse(database, erasures, { primary, replica })
})

/** A load, beside it a rehearsal's or an erasure's wait, and what only reads a row. */
const LOADING_CONNECTIONS = 4

const commonOf = ({ applicationName, connectTimeoutMillis, url }: WarehouseSettings) => ({
  applicationName,
  connectTimeoutMillis,
  url,
  idleInTransactionTimeoutMillis: 60_000
})

const loadingPool = (settings: WarehouseSettings): PoolSettings => ({
  ...commonOf(settings),
  connections: LOADING_CONNECTIONS,
  statementTimeoutMillis: settings.statementTimeoutMillis,
  operationTimeoutMillis: settings.loadTimeoutMillis,
  session: { search_path: WAREHOUSE_SCHEMA, client_min_messages: "warning", jit: "off" }
})

/** The server stops a question by itself first; what is longer is the way there and back. */
const GRACE_MILLIS = 5_000

const askingPool = (settings: WarehouseSettings, url: WarehouseSettings["url"]): PoolSettings => ({
  ...commonOf(settings),
  url,
  connections: settings.concurrentQueries,
  statementTimeoutMillis: settings.queryTimeoutMillis,
  operationTimeoutMillis: settings.queryTimeoutMillis + GRACE_MILLIS,
  stopsStatements: true,
  session: {
    search_path: WAREHOUSE_SCHEMA,
    default_transaction_read_only: "on",
    work_mem: `${settings.workMemoryMegabytes}MB`,
    temp_file_limit: `${settings.spillLimitMegabytes}MB`,
    // No statistics tell of users (they would outlive an erasure), and a nested loop over as many rows never ends.
    enable_nestloop: "off",
    // Compiling a metric's statement takes longer than most of them run.
    jit: "off"
  }
})

/** Lends a connection for one question, within the bounds of number and time. */
type Ask = <A>(
  operation: Operation,
  use: (reader: Connection) => Effect.Effect<A, DriverFailure>
) => Effect.Effect<A, WarehouseError>

const asking = (database: Database, settings: WarehouseSettings): Ask => {
  const turns = new Turns({
    turns: settings.concurrentQueries,
    sliceMillis: settings.sliceMillis,
    waitingMax: settings.waitingQueries,
    waitMillis: settings.queryWaitMillis
  })
  return (operation, use) =>
    database.use(use).pipe(
      Effect.mapError((failure) =>
        failure.code === "" ? timedOutOr(operation, failure, settings) : readFailed(operation)(failure)
      ),
      turns.run,
      Effect.mapError((error) => (typeof error === "string" ? overloaded(operation, error) : error))
    )
}

const timedOutOr = (operation: Operation, failure: DriverFailure, { queryTimeoutMillis }: WarehouseSettings) =>
  failure.message.startsWith("no answer within")
    ? timedOut(operation, queryTimeoutMillis)
    : readFailed(operation)(failure)

/** Who answers. */
interface Readers {
  readonly primary: Ask
  readonly replica: Ask | undefined
}

const makeWarehouse = Effect.fnUntraced(function* (database: Database, erasures: Erasures, readers: Readers) {
  const told: Told = { as_of: 0 }
  const writing = yield* Semaphore.make(1)
  const written: Written = (operation, body) => writing.withPermit(Effect.mapError(body, loadFailed(operation)))
  return Context.make(Warehouse, {
    ...loadingWith(database, erasures, written),
    ...answeringWith(readers, erasures, told),
    watermark: Effect.mapError(database.use(readState), loadFailed("watermark")).pipe(
      Effect.map(({ as_of, cursor }) => {
        told.as_of = Math.max(told.as_of, as_of)
        return { as_of, cursor }
      })
    )
  }).pipe(
    Context.add(WarehouseLedger, { counts: Effect.mapError(database.use(readCounts), loadFailed("counts")) }),
    Context.add(WarehouseErasure, { erase: (erasure) => written("erase", eraseUser(database, erasures, erasure)) }),
    Context.add(WarehouseOrigin, originOf(database, written))
  )
})

/** One at a time in this process; other processes wait in the database. */
type Written = <A>(operation: Operation, body: Effect.Effect<A, DriverFailure>) => Effect.Effect<A, WarehouseError>

type Loading = Pick<Warehouse["Service"], "load" | "rehearse">

const loadingWith = (database: Database, erasures: Erasures, written: Written): Loading => ({
  load: (page, as_of) =>
    written(
      "load",
      database.transaction((connection) => loadPage(connection, erasures, page, as_of))
    ),
  rehearse: (batches) =>
    written(
      "load",
      database.use((connection) => takenBack(connection, rehearsePage(connection, erasures, batches)))
    )
})

type Answering = Pick<Warehouse["Service"], "answer" | "person" | "history">

const answeringWith = ({ primary, replica }: Readers, erasures: Erasures, told: Told): Answering => ({
  answer: (question) =>
    Effect.gen(function* () {
      const { text, values } = yield* renderSql(() => question.sql(dialect))
      const ask = (reader: Connection) => reader.rows({ text }, values)
      const fromReplica = replica?.("answer", (reader) => readReplica(reader, { erasures, told }, ask(reader)))
      const found = yield* fromReplica === undefined
        ? NOT_THERE
        : Effect.catchIf(fromReplica, isOfReplica, () => NOT_THERE)
      return question.shape(found ?? (yield* primary("answer", ask)))
    }),
  person: (user) =>
    Effect.map(
      primary("person", (reader) => readPerson(reader, user)),
      (person) => ({ ...person, hash: erasures.tombstones.hash(user.project_id, user.user_id) })
    ),
  history: (ids, page) => primary("history", (reader) => readHistory(reader, ids, page))
})

const NOT_THERE = Effect.succeed(undefined)

/** It is away, stopped the question for what it had to replay, or has not come to these tables; the database itself may answer. */
const isOfReplica = ({ reason }: WarehouseError) =>
  reason._tag === "WarehouseUnavailable" || reason._tag === "QueryFailed"

const originOf = (database: Database, written: Written): WarehouseOrigin["Service"] => ({
  read: Effect.mapError(
    database.use((connection) => Effect.map(readState(connection), ({ id, store }) => ({ id, store }))),
    loadFailed("origin")
  ),
  bind: (store) =>
    written(
      "origin",
      database.use((connection) => bindStore(connection, store))
    ),
  restart: (to) =>
    written(
      "origin",
      database.transaction((connection) => restart(connection, to))
    )
})

/** A transaction that is never committed. */
const takenBack = <A>(connection: Connection, body: Effect.Effect<A, DriverFailure>) =>
  Effect.gen(function* () {
    yield* connection.rows({ text: "BEGIN" })
    yield* body
    yield* connection.rows({ text: "ROLLBACK" })
  })

const renderSql = (make: () => Parameters<typeof render>[0]) =>
  Effect.try({
    try: () => render(make(), placeholder),
    catch: (cause) => {
      if (!(cause instanceof UnsupportedFeature)) throw cause
      return new WarehouseError({ operation: "answer", reason: new Unsupported({ feature: cause.feature }) })
    }
  })

/** With its type: a statement's parameters stand where nothing else tells it. */
const placeholder = (position: number, value: SqlValue): string => `$${position}::${typeOf(value)}`

const typeOf = (value: SqlValue) => {
  if (typeof value === "number") return Number.isInteger(value) ? "bigint" : "float8"
  return typeof value === "bigint" ? "bigint" : typeof value === "boolean" ? "boolean" : "text"
}
