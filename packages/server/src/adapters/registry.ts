import type {
  EventQueueError,
  EventStoreError,
  QueueServices,
  StoreServices,
  WarehouseError,
  WarehouseServices
} from "@millrace/core"
import { layerMemoryQueue, layerMemoryStore, layerMemoryWarehouse } from "@millrace/core/memory"
import { Effect, Layer, type Redacted } from "effect"
import { join } from "node:path"
import { unopenedStore, unopenedWarehouse } from "./unopened.ts"
import { natsAddress, natsOptions, postgresAddress, postgresReplicaAddress } from "./addresses.ts"
import type { NatsSettings } from "./natsConfig.ts"
import { checkStore, refuseRoles, type Role, rolesOf, SHARED_WAREHOUSES } from "./roles.ts"
import { type AdapterNotInstalled, BadAdapterChoice, type FolderTaken, type FolderUnusable } from "./failures.ts"
import { at, lazyAdapter } from "./lazyAdapter.ts"
import { ownFolder } from "./folder.ts"

interface Places {
  /** Where adapters keep their files; those without files ignore it. */
  readonly directory: string
  /** `postgres://user:password@host:port/database` */
  readonly postgresUrl?: Redacted.Redacted | undefined
  /** Of a hot standby of that database, which answers questions. */
  readonly postgresReplicaUrl?: Redacted.Redacted | undefined
  /** `nats://user:password@host:port`, several of one cluster separated by commas. */
  readonly natsUrl?: Redacted.Redacted | undefined
  readonly nats?: NatsSettings | undefined
  readonly aggregates?: AggregateSettings | undefined
  readonly queries?: QuerySettings | undefined
}

/** Of a warehouse that keeps aggregates. */
export interface AggregateSettings {
  /** What their sets may take in memory; 0: none are kept. */
  readonly megabytes: number
  /** Between comparisons with the events; 0: none are made. */
  readonly selfCheckSeconds: number
}

/** What questions may take of the machine, and of each other's time. */
export interface QuerySettings {
  readonly memoryMegabytes: number
  /** On disk, of questions that memory does not hold. */
  readonly spillMegabytes: number
  readonly concurrency: number
  readonly waiting: number
  readonly waitMillis: number
  readonly timeoutMillis: number
}

export type AdapterFailure =
  | AdapterNotInstalled
  | BadAdapterChoice
  | FolderTaken
  | FolderUnusable
  | EventQueueError
  | EventStoreError
  | WarehouseError

type Opens<Port, Needs = never> = (places: Places) => Layer.Layer<Port, AdapterFailure, Needs>

// Imported when chosen, never before. Typed by their ports alone: an optional package is no part of our declarations.
const embeddedLog: Opens<QueueServices | StoreServices> = ({ directory }) =>
  lazyAdapter(
    "@millrace/embedded",
    () => import("@millrace/embedded"),
    (it) => it.Embedded.layer({ directory: join(directory, "log") })
  )
// In a folder of its own: what a queue without a store has handed on, it deletes.
const embeddedQueue: Opens<QueueServices> = ({ directory }) =>
  lazyAdapter(
    "@millrace/embedded",
    () => import("@millrace/embedded"),
    (it) => it.Embedded.queue({ directory: join(directory, "queue") })
  )
const natsQueue: Opens<QueueServices> = ({ nats = {}, natsUrl }) =>
  lazyAdapter(
    "@millrace/nats",
    () => import("@millrace/nats"),
    (it) => at(natsAddress, natsUrl, (address) => it.Nats.layer(natsOptions(address, nats)))
  )
// It keeps the dead letters of what the warehouse refuses, so it adds them to the queue.
const postgresStore: Opens<QueueServices | StoreServices, QueueServices> = ({ postgresUrl }) =>
  lazyAdapter(
    "@millrace/postgres",
    () => import("@millrace/postgres"),
    (it) => at(postgresAddress, postgresUrl, it.Postgres.behind)
  )
// Publishing is the store's commit, so it brings the store with it.
const postgresDirect: Opens<QueueServices | StoreServices> = ({ postgresUrl }) =>
  lazyAdapter(
    "@millrace/postgres",
    () => import("@millrace/postgres"),
    (it) => at(postgresAddress, postgresUrl, it.Postgres.direct)
  )
const duckdbWarehouse: Opens<WarehouseServices> = ({ aggregates, directory, queries }) =>
  lazyAdapter(
    "@millrace/duckdb",
    () => import("@millrace/duckdb"),
    (it) =>
      it.DuckDb.layer({
        path: join(directory, "warehouse.duckdb"),
        ...optionsOf(aggregates),
        ...(queries && boundsOf(queries))
      })
  )

const postgresWarehouse: Opens<WarehouseServices> = ({ postgresReplicaUrl, postgresUrl, queries }) =>
  lazyAdapter(
    "@millrace/postgres",
    () => import("@millrace/postgres"),
    (it) =>
      at(postgresAddress, postgresUrl, (address) => {
        const options = { ...address, ...(queries && postgresBoundsOf(queries)) }
        return postgresReplicaUrl === undefined
          ? it.Postgres.warehouse(options)
          : at(postgresReplicaAddress, postgresReplicaUrl, ({ url }) =>
              it.Postgres.warehouse({ ...options, replicaUrl: url })
            )
      })
  )

/** Sorts and hash tables that a question may have at one time. */
const WORKING_PLACES = 8

/** There is no limit on a whole question's memory there, only on each thing that it sorts or hashes. */
const postgresBoundsOf = ({ concurrency, memoryMegabytes, ...queries }: QuerySettings) => ({
  concurrentQueries: concurrency,
  workMemoryMegabytes: Math.max(1, Math.floor(memoryMegabytes / (concurrency * WORKING_PLACES))),
  spillLimitMegabytes: queries.spillMegabytes,
  waitingQueries: queries.waiting,
  queryWaitMillis: queries.waitMillis,
  queryTimeoutMillis: queries.timeoutMillis
})

const optionsOf = (aggregates: AggregateSettings | undefined) =>
  aggregates && {
    activityMegabytes: aggregates.megabytes,
    selfCheckIntervalMillis: aggregates.selfCheckSeconds * 1_000
  }

const boundsOf = (queries: QuerySettings) => ({
  memoryLimitMegabytes: queries.memoryMegabytes,
  spillLimitMegabytes: queries.spillMegabytes,
  concurrentQueries: queries.concurrency,
  waitingQueries: queries.waiting,
  queryWaitMillis: queries.waitMillis,
  queryTimeoutMillis: queries.timeoutMillis
})

/** By the name in `MILLRACE_QUEUE`. */
export const queues = {
  embedded: embeddedQueue,
  nats: natsQueue,
  none: postgresDirect,
  memory: () => layerMemoryQueue()
} as const satisfies Record<string, Opens<QueueServices>>

/** Hot stores, by the name in `MILLRACE_STORE`. */
export const stores = {
  // One log with the queue, so it brings the queue with it.
  embedded: embeddedLog,
  postgres: postgresStore,
  memory: () => layerMemoryStore
} as const satisfies Record<string, Opens<StoreServices, QueueServices>>

/** By the name in `MILLRACE_WAREHOUSE`. */
export const warehouses = {
  duckdb: duckdbWarehouse,
  postgres: postgresWarehouse,
  memory: () => layerMemoryWarehouse
} as const satisfies Record<string, Opens<WarehouseServices>>

export type QueueName = keyof typeof queues
export type StoreName = keyof typeof stores
export type WarehouseName = keyof typeof warehouses

const namesOf = <Name extends string>(register: Readonly<Record<Name, unknown>>): ReadonlyArray<Name> =>
  Object.keys(register).filter((name): name is Name => Object.hasOwn(register, name))

export const queueNames = namesOf(queues)
export const storeNames = namesOf(stores)
export const warehouseNames = namesOf(warehouses)

export interface AdapterChoice extends Places {
  readonly queue: QueueName
  /** Default: on the queue's own log, where it has one; in memory beside the memory queue; else PostgreSQL. */
  readonly store?: StoreName | undefined
  readonly warehouse: WarehouseName
  /** Default: all. What no role here needs is not opened. */
  readonly roles?: ReadonlyArray<Role> | undefined
}

/** Services that a server needs of its adapters; a composition that lacks one does not compile. */
export type AdapterServices = QueueServices | StoreServices | WarehouseServices

/**
 * The chosen adapters as one layer, as far as the roles need them; the directory is made if need be. Fails, in the process
 * that loads, where store and warehouse do not belong together.
 */
export const adapters = (choice: AdapterChoice): Layer.Layer<AdapterServices, AdapterFailure> =>
  rolesOf(choice).includes("etl") ? Layer.provideMerge(checkStore, unchecked(choice)) : unchecked(choice)

/** As `adapters`, for whoever is to put store and warehouse together again. */
export const unchecked = (choice: AdapterChoice): Layer.Layer<AdapterServices, AdapterFailure> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const refused = refuseRoles(choice)
      if (refused !== undefined) return yield* refused
      const hot = yield* openHot(choice)
      // First of all: whoever does not own the folder leaves it as it is.
      if (usesDirectory(choice)) yield* ownFolder(choice.directory, insteadOf(choice))
      if (!opensWarehouse(choice)) return Layer.merge(hot, unopenedWarehouse)
      return Layer.merge(hot, warehouseOf(choice))
    })
  )

const opensWarehouse = (choice: AdapterChoice) => {
  const roles = rolesOf(choice)
  return roles.includes("etl") || roles.includes("stats")
}

/** Whether this process keeps files. */
export const usesDirectory = (choice: AdapterChoice): boolean =>
  choice.directory !== "" &&
  (choice.queue === "embedded" || (opensWarehouse(choice) && !SHARED_WAREHOUSES.has(choice.warehouse)))

type WarehouseChoice = Places & Pick<AdapterChoice, "warehouse">

const warehouseOf = (choice: WarehouseChoice): Layer.Layer<WarehouseServices, AdapterFailure> =>
  warehouses[choice.warehouse](choice)

/** A folder's warehouse alone: its other files stay closed. */
export const openWarehouse = (choice: WarehouseChoice): Layer.Layer<WarehouseServices, AdapterFailure> =>
  Layer.unwrap(Effect.as(ownFolder(choice.directory), warehouseOf(choice)))

/** What a second process over a shared queue can be, beside the owner of the warehouse. */
const insteadOf = ({ queue }: AdapterChoice): string | undefined =>
  queue === "nats" || queue === "none"
    ? `start this one with MILLRACE_ROLES=${queue === "nats" ? "ingest,worker" : "ingest"} and MILLRACE_STATS_URL=<its address>`
    : undefined

const usualStore = {
  embedded: "embedded",
  nats: "postgres",
  none: "postgres",
  memory: "memory"
} as const satisfies Record<QueueName, StoreName>

export const storeOf = ({ queue, store }: Pick<AdapterChoice, "queue" | "store">): StoreName =>
  store ?? usualStore[queue]

/** Queue, then hot store, so that of two failures always the same is told; or the one log that is both. */
const openHot = (
  choice: AdapterChoice
): Effect.Effect<Layer.Layer<QueueServices | StoreServices, AdapterFailure>, BadAdapterChoice> => {
  const { queue } = choice
  const store = storeOf(choice)
  // Neither keeps what a queue hands on: the log would not see it, and memory would lose it.
  if (store !== "postgres" && store !== queue) {
    return Effect.fail(
      new BadAdapterChoice({ setting: "MILLRACE_STORE", rule: `${store} needs MILLRACE_QUEUE=${store}` })
    )
  }
  if (queue === "none") return Effect.succeed(queues.none(choice))
  return Effect.succeed(
    store === "embedded" ? stores.embedded(choice) : Layer.provideMerge(openStore(store, choice), queues[queue](choice))
  )
}

/** For ingestion alone the hot store may be away, also at the start. */
const openStore = (
  store: StoreName,
  choice: AdapterChoice
): Layer.Layer<StoreServices, AdapterFailure, QueueServices> =>
  rolesOf(choice).every((role) => role === "ingest") ? unopenedStore : stores[store](choice)
