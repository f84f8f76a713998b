import { availableParallelism } from "node:os"
import {
  Aggregates,
  type AggregateStatus,
  type ByProject,
  type Erasure,
  render,
  type Tombstones,
  Turns,
  Unsupported,
  UnsupportedFeature,
  Warehouse,
  WarehouseErasure,
  WarehouseError,
  WarehouseLedger,
  WarehouseOrigin,
  type WarehouseServices,
  WarehouseSnapshot,
  type Watermark
} from "@millrace/core"
import { Context, Effect, Layer, Semaphore } from "effect"
import { readState } from "./activity/Activities.ts"
import { makeAggregates } from "./activity/aggregates.ts"
import { AnswerCache } from "./AnswerCache.ts"
import { type Connection, type Database, type DatabaseSettings, openDatabase } from "./client.ts"
import { defaults, type DuckDbOptions } from "./config.ts"
import {
  type Alone,
  copierOf,
  createFile,
  removeUnfinished,
  removeUnfinishedRewrite,
  rewriteFile,
  shareFile
} from "./databaseFile.ts"
import { dialectOf } from "./dialect.ts"
import {
  type DriverFailure,
  loadFailed,
  type Operation,
  openFailed,
  overloaded,
  readFailed,
  timedOut
} from "./errors.ts"
import { loadPage, rehearseLoad } from "./load.ts"
import { eraseUser, readHistory, readPerson } from "./erase.ts"
import { type HotProperties, openHotProperties } from "./hot/HotProperties.ts"
import { catchUpIdentities, hasMerges } from "./identities.ts"
import { KnownWatermark } from "./KnownWatermark.ts"
import { migrate } from "./migrate.ts"
import { bindStore, type Origin, readOrigin, restart } from "./origin.ts"
import { makeReopening, type OpenWarehouse } from "./reopening.ts"
import { makeDirectory, openSpill, openSpool, pagesIn, type Spool } from "./spool.ts"
import { isRewriteDue, readTombstones } from "./tombstones.ts"

/**
 * A {@link Warehouse} on one DuckDB file, which this process owns while the layer lives: another process that opens it
 * gets `WarehouseOwned`. A database that DuckDB invalidated, after a write that failed, is opened again by the next call.
 */
export const layer = (
  options: DuckDbOptions
): Layer.Layer<ReadableDuckDb | Aggregates | WarehouseSnapshot, WarehouseError> =>
  Layer.effectContext(
    Effect.map(makeReopening(openOnce(options)), (opened) =>
      servicesOf(opened).pipe(Context.add(Aggregates, opened.aggregates), Context.add(WarehouseSnapshot, opened.copier))
    )
  )

export type ReadableDuckDb = WarehouseServices | WarehouseOrigin

type Parts = Pick<OpenWarehouse, "warehouse" | "ledger" | "erasure" | "origin">

export const servicesOf = ({ erasure, ledger, origin, warehouse }: Parts): Context.Context<ReadableDuckDb> =>
  Context.make(Warehouse, warehouse).pipe(
    Context.add(WarehouseLedger, ledger),
    Context.add(WarehouseErasure, erasure),
    Context.add(WarehouseOrigin, origin)
  )

/** One life of the database: until the scope closes, or something invalidates it. */
const openOnce = Effect.fnUntraced(function* (options: DuckDbOptions) {
  const opened = yield* Effect.mapError(open(options), (failure) => openFailed(options.path, failure))
  const made = yield* makeWarehouse(opened, { ...defaults, ...options })
  return { ...made, copier: copierOf(opened) }
})

/** Tools with which a warehouse answers and loads, over an open database. */
export interface Opened {
  readonly keptAnswers: number
  /** Whether any identities are merged. */
  readonly merged: boolean
  readonly activity: AggregateStatus["state"]
  readonly origin: Origin
  readonly writer: Connection
  /** One at a time of all that writes. */
  readonly writing: Semaphore.Semaphore
  readonly hot: HotProperties
  readonly spool: Spool
  readonly tombstones: Tombstones
  /** Leaves nothing in the file but what the tables hold; call it while nobody else writes. */
  readonly rewrite: Effect.Effect<void, DriverFailure>
  /** Lends a connection for one question, within the bounds of number and time. */
  readonly ask: <A>(
    operation: Operation,
    use: (reader: Connection) => Effect.Effect<A, DriverFailure>
  ) => Effect.Effect<A, WarehouseError>
}

const open = Effect.fn("DuckDb.open")(function* (options: DuckDbOptions) {
  const directory = yield* makeDirectory(options.path, options.temporaryDirectory)
  const settings = settingsOf(options, directory, yield* openSpill(directory))
  yield* createFile(settings)
  const database = yield* openDatabase(settings)
  const writer = yield* database.connect
  yield* migrate(writer)
  yield* catchUpIdentities(writer)
  const tombstones = yield* readTombstones(writer)
  const spool = yield* openSpool(directory)
  yield* removeUnfinished(spool)
  yield* removeUnfinishedRewrite(options.path, spool.directory)
  const bounds = { ...defaults, ...options }
  const writing = yield* Semaphore.make(1)
  const { alone, ask } = yield* lender(database, bounds)
  const rewrite = rewriteFile({ path: options.path, directory: spool.directory, database, writer, alone })
  if (yield* isRewriteDue(writer)) yield* rewrite
  const opened: Opened = {
    hot: yield* openHotProperties(writer, (effect) => writing.withPermit(effect), bounds),
    writing,
    keptAnswers: bounds.keptAnswers,
    merged: yield* hasMerges(writer),
    activity: yield* readState(writer),
    origin: yield* readOrigin(writer),
    writer,
    spool,
    tombstones,
    rewrite,
    ask
  }
  return opened
})

const FLUSH_THRESHOLD = "1MB"

export const settingsOf = (options: DuckDbOptions, directory: string, spill: string): DatabaseSettings => {
  const bounds = { ...defaults, ...options }
  return {
    path: options.path,
    allowedDirectory: pagesIn(directory),
    config: {
      threads: String(options.threads ?? availableParallelism()),
      memory_limit: `${bounds.memoryLimitMegabytes}MB`,
      temp_directory: spill,
      max_temp_directory_size: `${bounds.spillLimitMegabytes}MB`,
      // Pages come and go: what one has used goes back to the system instead of piling up beside the JavaScript heap.
      allocator_flush_threshold: FLUSH_THRESHOLD,
      allocator_bulk_deallocation_flush_threshold: FLUSH_THRESHOLD,
      // Of 1.5.6: an internal error, which ends the whole database, where ROW_NUMBER() = 1 meets a comparison of timestamps.
      disabled_optimizers: "top_n_window_elimination",
      autoinstall_known_extensions: "false",
      autoload_known_extensions: "false",
      allow_community_extensions: "false"
    }
  }
}

export const lender = Effect.fnUntraced(function* (database: Database, bounds: typeof defaults) {
  const idle: Array<Connection> = []
  for (let count = 0; count < bounds.concurrentQueries; count++) idle.push(yield* database.connect)
  const turns = new Turns({
    turns: bounds.concurrentQueries,
    sliceMillis: bounds.sliceMillis,
    waitingMax: bounds.waitingQueries,
    waitMillis: bounds.queryWaitMillis
  })
  const ask: Opened["ask"] = (operation, use) =>
    Effect.acquireUseRelease(
      Effect.sync(() => idle.pop()!),
      use,
      (reader) => Effect.sync(() => void idle.push(reader))
    ).pipe(
      Effect.mapError(readFailed(operation)),
      Effect.timeoutOrElse({
        duration: bounds.queryTimeoutMillis,
        orElse: () => Effect.fail(timedOut(operation, bounds.queryTimeoutMillis))
      }),
      turns.run,
      Effect.mapError((error) => (typeof error === "string" ? overloaded(operation, error) : error))
    )
  /** While no question is being answered. */
  const alone: Alone = turns.alone
  return { alone, ask }
})

export const makeWarehouse = Effect.fnUntraced(function* (
  { ask, hot, spool, writer, writing, ...opened }: Opened,
  bounds: typeof defaults & Pick<DuckDbOptions, "path">
) {
  let { merged, origin } = opened
  const cache = new AnswerCache<WarehouseError>(opened.keptAnswers)
  const onMerge = () => void (merged = true)
  const sharing = yield* shareFile(bounds.path)
  const {
    activities,
    aggregates,
    answer: fromAggregates
  } = yield* makeAggregates({ sharing, ask, writer, writing, state: opened.activity, bounds })
  const readWatermark = Effect.map(
    ask("watermark", (reader) => reader.rows(READ_WATERMARK)),
    watermarkOf
  )
  const watermark = new KnownWatermark(readWatermark, sharing)
  const loadOne: Warehouse["Service"]["load"] = Effect.fnUntraced(function* (page, as_of) {
    const before = yield* watermark.stored
    if (page.batches.length === 0 && page.cursor === before.cursor && isZero(page.duplicates) && !origin.reloading) {
      if (as_of !== undefined) watermark.move({ cursor: page.cursor, as_of })
      return { inserted: 0, duplicates: 0 }
    }
    const moved = as_of ?? watermark.movedFrom(before)
    const tools = {
      connection: writer,
      spool,
      hot: hot.written(),
      onMerge,
      activities,
      tombstones: opened.tombstones,
      reloading: origin.reloading
    }
    const loading = cache.whileWriting(loadPage(tools, page, moved))
    const after = { cursor: page.cursor, as_of: moved ?? before.as_of }
    const loaded = yield* Effect.mapError(watermark.whileWriting(after, loading), loadFailed("load"))
    if (as_of !== undefined) origin = { ...origin, reloading: false }
    return loaded
  })
  const eraseOne = Effect.fnUntraced(function* (erasure: Erasure) {
    const { tombstones } = opened
    const deleting = tombstones.holds(erasure) ? Effect.succeed(0) : eraseUser(writer, tombstones, erasure)
    const events = yield* activities.whileWriting(deleting)
    tombstones.add(erasure)
    activities.forget(erasure.project_id)
    merged = yield* hasMerges(writer)
    if (yield* isRewriteDue(writer)) yield* opened.rewrite
    return events
  })
  const restartAt = Effect.fnUntraced(function* (to: Parameters<WarehouseOrigin["Service"]["restart"]>[0]) {
    yield* watermark.whileWriting({ cursor: to.cursor, as_of: 0 }, restart(writer, to))
    origin = { ...origin, reloading: to.counted !== undefined }
  })
  const warehouse: Warehouse["Service"] = {
    load: (page, as_of) => writing.withPermit(loadOne(page, as_of)),
    rehearse: (batches) =>
      writing.withPermit(Effect.mapError(rehearseLoad(writer, spool, batches), loadFailed("load"))),
    watermark: watermark.current,
    answer: (question) =>
      Effect.gen(function* () {
        const names = new Set<string>()
        const onProperty = (name: string) => void names.add(name)
        const statement = yield* renderSql(() => question.sql(dialectOf({ merged, hot: hot.readable(), onProperty })))
        const aggregated = yield* fromAggregates(question, statement)
        if (aggregated !== undefined) return question.shape(aggregated)
        names.forEach(hot.noteUse)
        const scan = ask("answer", (reader) => reader.rows(statement.text, statement.values))
        const rows = yield* cache.through(statement, scan)
        return question.shape(rows)
      }),
    person: (user) =>
      Effect.map(
        ask("person", (reader) => readPerson(reader, user)),
        (person) => ({ ...person, hash: opened.tombstones.hash(user.project_id, user.user_id) })
      ),
    history: (ids, page) => ask("history", (reader) => readHistory(reader, ids, page))
  }
  const ledger: WarehouseLedger["Service"] = {
    counts: ask("counts", (reader) => reader.rows(READ_COUNTS)).pipe(Effect.map(countsOf))
  }
  const erasure: WarehouseErasure["Service"] = {
    erase: (erased) => writing.withPermit(Effect.mapError(cache.whileWriting(eraseOne(erased)), loadFailed("erase")))
  }
  const origins: WarehouseOrigin["Service"] = {
    read: Effect.sync(() => origin),
    bind: (store) =>
      writing
        .withPermit(Effect.mapError(bindStore(writer, store), loadFailed("origin")))
        .pipe(Effect.tap(() => Effect.sync(() => void (origin = { ...origin, store })))),
    restart: (to) => writing.withPermit(Effect.mapError(restartAt(to), loadFailed("origin")))
  }
  return { warehouse, ledger, erasure, origin: origins, aggregates }
})

const isZero = (counts: ByProject) => Object.values(counts).every((count) => count === 0)

const READ_WATERMARK = "SELECT cursor, as_of FROM watermark"

const watermarkOf = (rows: ReadonlyArray<Readonly<Record<string, unknown>>>): Watermark => ({
  cursor: String(rows[0]?.["cursor"]),
  as_of: Number(rows[0]?.["as_of"])
})

/** One statement, so one snapshot. */
const READ_COUNTS = "SELECT cursor, project_id, stored, duplicates, lost FROM watermark LEFT JOIN counts ON true"

const countsOf = (rows: ReadonlyArray<Readonly<Record<string, unknown>>>) => {
  const known = rows.filter((row) => row["project_id"] !== null)
  const by = (column: string) => Object.fromEntries(known.map((row) => [row["project_id"], Number(row[column])]))
  return { cursor: String(rows[0]?.["cursor"]), stored: by("stored"), duplicates: by("duplicates"), lost: by("lost") }
}

const renderSql = (make: () => Parameters<typeof render>[0]) =>
  Effect.try({
    try: () => render(make(), (position) => `$${position}`),
    catch: (cause) => {
      if (!(cause instanceof UnsupportedFeature)) throw cause
      return new WarehouseError({ operation: "answer", reason: new Unsupported({ feature: cause.feature }) })
    }
  })
