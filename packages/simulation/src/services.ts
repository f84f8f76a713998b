import {
  type EventBatch,
  EventQueue,
  EventStore,
  EventStoreError,
  KeyStore,
  Pipeline,
  type QueueServices,
  RowsRejected,
  StoreRejected,
  type StoreServices,
  StoreUnavailable,
  Warehouse,
  WarehouseError,
  type WarehouseServices
} from "@millrace/core"
import { layerMemoryWarehouse } from "@millrace/core/memory"
import { Embedded } from "@millrace/embedded"
import { Context, Effect, Layer } from "effect"
import type { Random } from "@millrace/test-services"
import type { Journal } from "./Journal.ts"
import { machineOf } from "./machine.ts"
import type { Plan } from "./Plan.ts"
import type { World } from "./World.ts"

/** Event types that a store or a warehouse will not have, and one that it has at the second or third asking. */
export const POISON = { store: "refused", warehouse: "rejected", passing: "passing" } as const

const holds = (batches: ReadonlyArray<EventBatch>, type: string): boolean =>
  batches.some((batch) => batch.events.some(({ event_type }) => event_type === type))

/** A queue that the journal watches. */
const watchedQueue = (queue: EventQueue["Service"], journal: Journal): EventQueue["Service"] => ({
  ...queue,
  take: (options) =>
    Effect.tap(queue.take(options), ({ batches }) => Effect.sync(() => journal.delivers(batches, "queue")))
})

const fickleStore = (store: EventStore["Service"], random: Random): EventStore["Service"] => ({
  ...store,
  append: (batches) => {
    const cause = new Error("planned")
    if (holds(batches, POISON.store)) {
      return Effect.fail(new EventStoreError({ operation: "append", reason: new StoreRejected({ cause }) }))
    }
    return holds(batches, POISON.passing) && random.chance(0.7)
      ? Effect.fail(new EventStoreError({ operation: "append", reason: new StoreUnavailable({ cause }) }))
      : store.append(batches)
  }
})

/** A warehouse that outlives every power cut, and refuses what is planned to be refused. */
const watchedWarehouse = (warehouse: Warehouse["Service"], journal: Journal): Warehouse["Service"] => {
  const refusal = (batches: ReadonlyArray<EventBatch>) =>
    holds(batches, POISON.warehouse)
      ? Effect.fail(
          new WarehouseError({ operation: "load", reason: new RowsRejected({ cause: new Error("planned") }) })
        )
      : Effect.void
  return {
    ...warehouse,
    load: (page, as_of) =>
      Effect.andThen(
        refusal(page.batches),
        Effect.tap(warehouse.load(page, as_of), () => Effect.sync(() => journal.loads(page)))
      ),
    rehearse: refusal
  }
}

export const warehouseOf = (journal: Journal): Effect.Effect<Context.Context<WarehouseServices>> =>
  Effect.scoped(
    Effect.map(Layer.build(layerMemoryWarehouse), (context) =>
      Context.add(context, Warehouse, watchedWarehouse(Context.get(context, Warehouse), journal))
    )
  )

const FOLDER = "/data"
const EVENTS = { drain: 5, load: 7 }

interface Parts {
  readonly plan: Plan
  readonly world: World
  readonly random: Random
  readonly journal: Journal
  readonly warehouse: Context.Context<WarehouseServices>
}

/** The product over a simulated machine: log, keys, and the loops that move events. */
export const productLayer = ({ journal, plan, random, warehouse, world }: Parts) => {
  const machine = machineOf(world)
  const log = Embedded.layer(
    {
      directory: `${FOLDER}/events`,
      segmentBytes: plan.segmentBytes,
      maxBytes: 1 << 22,
      maxPendingBytes: 1 << 20,
      maxAttempts: 3,
      backoffMillis: 1
    },
    machine
  )
  const watched = Layer.effectContext(
    Effect.map(Effect.context<QueueServices | StoreServices>(), (context) =>
      context.pipe(
        Context.add(EventQueue, watchedQueue(Context.get(context, EventQueue), journal)),
        Context.add(EventStore, fickleStore(Context.get(context, EventStore), random))
      )
    )
  ).pipe(Layer.provide(log))
  const pipeline = Pipeline.layer({
    drainLimit: EVENTS.drain,
    ackWaitMillis: 60_000,
    loadLimit: EVENTS.load,
    loadIntervalMillis: 200,
    retryMillis: 10,
    maxRetryMillis: 200
  })
  const keys = Embedded.keys({ path: `${FOLDER}/keys/keys.ndjson`, files: machine.files })
  return Layer.provideMerge(
    pipeline,
    Layer.mergeAll(watched, Layer.succeedContext(warehouse), keys satisfies Layer.Layer<KeyStore, unknown>)
  )
}

export type Product = QueueServices | StoreServices | WarehouseServices | Pipeline | KeyStore
