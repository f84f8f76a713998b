import { EventQueue, EventStore, QueueObservation, Warehouse } from "@millrace/core"
import { Clock, Context, Effect, Layer, Metric } from "effect"

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

const publishSeconds = Metric.histogram("millrace_queue_publish_duration_seconds", {
  description: "Until the queue had a batch at its stated durability; with fsync, the wait for the disk.",
  boundaries: SECONDS
})
const syncSeconds = Metric.histogram("millrace_queue_fsync_duration_seconds", {
  description: "One wait for the disk of the queue's log, where this process keeps it.",
  boundaries: SECONDS
})
const dead = Metric.counter("millrace_dlq_events_total", {
  description: "Events set aside by this process, by the code of the reason.",
  incremental: true
})
const batchSeconds = Metric.histogram("millrace_worker_batch_duration_seconds", {
  description: "From taking a delivery off the queue to its settlement.",
  boundaries: SECONDS
})
const redeliveries = Metric.counter("millrace_queue_redeliveries_total", {
  description: "Deliveries that were attempted before.",
  incremental: true
})
const duplicates = Metric.counter("millrace_duplicates_total", {
  description: "Events whose id was there already, by where that was seen.",
  incremental: true
})
const rows = Metric.counter("millrace_etl_rows_total", {
  description: "Events loaded into the warehouse by this process.",
  incremental: true
})

type Ports = EventQueue | EventStore | QueueObservation | Warehouse

/** The same ports, counted; what they do stays as it is. */
export const observed: Layer.Layer<EventQueue | EventStore | Warehouse, never, Ports> = Layer.effectContext(
  Effect.gen(function* () {
    const context = yield* Effect.context<Ports>()
    const record = recorder(context)
    Context.get(context, QueueObservation).observe(record)
    return Context.make(EventQueue, observeQueue(Context.get(context, EventQueue), record)).pipe(
      Context.add(EventStore, observeStore(Context.get(context, EventStore), record)),
      Context.add(Warehouse, observeWarehouse(Context.get(context, Warehouse), record))
    )
  })
)

type Recorder = ReturnType<typeof recorder>

/** Of queues, stores and warehouses; a closed set, so that no code makes new series. */
const REASONS = [
  "attempts_exhausted",
  "lease_expired",
  "worker_lost",
  "unreadable",
  "StoreRejected",
  "RowsRejected",
  "other"
]

/** Every series is there from the start, at 0: an alert on one that never came would never fire. */
const recorder = (context: Context.Context<never>) => {
  const inStore = Metric.withAttributes(duplicates, { stage: "store" })
  const inWarehouse = Metric.withAttributes(duplicates, { stage: "warehouse" })
  const byReason = new Map(REASONS.map((reason) => [reason, Metric.withAttributes(dead, { reason })]))
  for (const counter of [inStore, inWarehouse, redeliveries, rows, ...byReason.values()])
    counter.updateUnsafe(0, context)
  return {
    synced: (seconds: number) => syncSeconds.updateUnsafe(seconds, context),
    deadLettered: (code: string, events: number) =>
      (byReason.get(code) ?? byReason.get("other")!).updateUnsafe(events, context),
    published: (seconds: number) => publishSeconds.updateUnsafe(seconds, context),
    settled: (seconds: number) => batchSeconds.updateUnsafe(seconds, context),
    redelivered: () => redeliveries.updateUnsafe(1, context),
    stored: (count: number) => inStore.updateUnsafe(count, context),
    loaded: (inserted: number, repeated: number) => {
      rows.updateUnsafe(inserted, context)
      inWarehouse.updateUnsafe(repeated, context)
    }
  }
}

/** Starts now; each call notes the seconds since. */
const stopwatch = (note: (seconds: number) => void) =>
  Effect.map(Clock.Clock, (clock) => {
    const start = clock.monotonicTimeNanosUnsafe()
    return Effect.sync(() => note(Number(clock.monotonicTimeNanosUnsafe() - start) / 1e9))
  })

const observeQueue = (queue: EventQueue["Service"], record: Recorder): EventQueue["Service"] => ({
  ...queue,
  publish: (batch) => Effect.flatMap(stopwatch(record.published), (stop) => Effect.tap(queue.publish(batch), stop)),
  take: Effect.fnUntraced(function* (options) {
    const delivery = yield* queue.take(options)
    if (delivery.attempt > 1) record.redelivered()
    const stop = yield* stopwatch(record.settled)
    // Runs before the queue's own finalizer, which settles: the time of the work itself.
    yield* Effect.addFinalizer(() => stop)
    return delivery
  })
})

const observeStore = (store: EventStore["Service"], record: Recorder): EventStore["Service"] => ({
  ...store,
  append: (batches) => Effect.tap(store.append(batches), (done) => Effect.sync(() => record.stored(done.duplicates)))
})

const observeWarehouse = (warehouse: Warehouse["Service"], record: Recorder): Warehouse["Service"] => ({
  ...warehouse,
  load: (page, as_of) =>
    Effect.tap(warehouse.load(page, as_of), (done) => Effect.sync(() => record.loaded(done.inserted, done.duplicates)))
})
