import {
  EventStore,
  type EventStoreError,
  Horizon,
  type QueueServices,
  QueueSnapshot,
  StoreClaims,
  StoreErasure,
  StoreLedger,
  type StoreServices,
  StoreSnapshot,
  withStoreLetters
} from "@millrace/core"
import { Context, Effect, Layer, Option, Semaphore } from "effect"
import { append } from "./append.ts"
import { copierBehind, copierOf, type Holds } from "./backup/copier.ts"
import { unstored } from "./claim.ts"
import { makeClaims } from "./claims.ts"
import { type Database, openDatabase } from "./client.ts"
import { defaults, type PostgresOptions, type Settings } from "./config.ts"
import { erase } from "./erase.ts"
import { type Erasures, openErasures } from "./erasures.ts"
import { makeDirect } from "./direct.ts"
import { refused, storeFailed } from "./errors.ts"
import { makeLetters } from "./deadLetters.ts"
import { migrate } from "./migrate.ts"
import { makePrune } from "./prune.ts"
import { backlog, replay } from "./replay.ts"
import { makeStatus, PostgresStatus } from "./status.ts"

const BYTES_PER_MEGABYTE = 1_048_576

export type PostgresStore = StoreServices | StoreClaims | Horizon | PostgresStatus

/** The hot store in one database, over one bounded pool of connections. */
export const layer = (options: PostgresOptions): Layer.Layer<PostgresStore, EventStoreError> =>
  Layer.effectContext(Effect.map(open(options), ({ services }) => services))

/**
 * As {@link layer}, and a queue that holds nothing: publishing is the store's commit, shared by concurrent requests.
 * For processes without workers; `take` never returns.
 */
export const direct = (
  options: PostgresOptions
): Layer.Layer<QueueServices | PostgresStore | StoreSnapshot, EventStoreError> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const { database, erasures, holds, services } = yield* open(options)
      const queue = yield* makeDirect(database, erasures, { ...holds, store: Context.get(services, EventStore) })
      return Context.merge(services, queue).pipe(Context.add(StoreSnapshot, copierOf(database, holds)))
    })
  )

/**
 * As {@link layer}, behind a queue, which it provides anew: what the warehouse refuses becomes a dead letter here, and the
 * queue lists, replays and counts it with its own.
 */
export const behind = (
  options: PostgresOptions
): Layer.Layer<QueueServices | PostgresStore, EventStoreError, QueueServices> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const { database, erasures, holds, services } = yield* open(options)
      const kept = makeLetters(database, erasures.tombstones, holds.replaying)
      const queue = yield* withStoreLetters(kept, erasures.tombstones)
      const copier = Option.map(yield* Effect.serviceOption(QueueSnapshot), (it) => copierBehind(it, database, holds))
      return Context.merge(services, queue).pipe(Context.addOrOmit(StoreSnapshot, copier))
    })
  )

const open = Effect.fnUntraced(function* (options: PostgresOptions) {
  const settings: Settings = { ...defaults, ...options }
  const database = yield* openDatabase(settings)
  yield* migrate(database).pipe(Effect.mapError(storeFailed("open")))
  yield* checkOrigin(database)
  const erasures = yield* openErasures(database).pipe(Effect.mapError(storeFailed("open")))
  const status = makeStatus(database)
  const holds: Holds = { pruning: yield* Semaphore.make(1), replaying: yield* Semaphore.make(1) }
  const services = (yield* makeStore(database, { erasures, holds, settings })).pipe(
    Context.add(Horizon, { ageSeconds: Effect.map(status.horizon, ({ ageMillis }) => ageMillis / 1000) }),
    Context.add(PostgresStatus, status)
  )
  return { database, erasures, holds, services }
})

/** A dump restored into another cluster carries that one's transaction numbers, which this one has yet to reach. */
const checkOrigin = Effect.fnUntraced(function* (database: Database) {
  const [row] = yield* database.use((connection) => connection.rows(NEWEST)).pipe(Effect.mapError(storeFailed("open")))
  if (row?.["is_ahead"] === true) {
    return yield* Effect.fail(
      refused("open", "the events carry transaction numbers of another cluster: see the package's README, Restoring")
    )
  }
})

const NEWEST = {
  text: `
    SELECT (SELECT xid FROM segments ORDER BY xid DESC, last_n DESC LIMIT 1) >= pg_snapshot_xmax(pg_current_snapshot())
      AS is_ahead`
}

interface StoreParts {
  readonly erasures: Erasures
  readonly holds: Holds
  readonly settings: Settings
}

const makeStore = Effect.fnUntraced(function* (database: Database, { erasures, holds, settings }: StoreParts) {
  const prune = yield* makePrune(database, settings, holds.pruning)
  const pageBytes = settings.pageMegabytes * BYTES_PER_MEGABYTE
  return Context.make(EventStore, {
    append: (batches) => append(database, erasures, batches).pipe(Effect.mapError(storeFailed("append"))),
    replay: ({ after, limit }) =>
      replay(database, { after, limit, pageBytes }).pipe(Effect.mapError(storeFailed("replay"))),
    prune: ({ upTo }) => prune(upTo).pipe(Effect.mapError(storeFailed("prune")))
  }).pipe(
    Context.add(StoreLedger, {
      unstored: (batch) =>
        database.use((connection) => unstored(connection, batch)).pipe(Effect.mapError(storeFailed("unstored"))),
      backlog: (after, inFlight) => backlog(database, after, inFlight).pipe(Effect.mapError(storeFailed("backlog")))
    }),
    Context.add(StoreErasure, {
      erase: (erasure) => erase(database, erasures, erasure).pipe(Effect.mapError(storeFailed("erase")))
    }),
    Context.add(StoreClaims, makeClaims(database))
  )
})
