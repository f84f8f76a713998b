import { statfs } from "node:fs/promises"
import { monitorEventLoopDelay } from "node:perf_hooks"
import { Aggregates, EventQueue, Horizon, ledgers, Loops, Warehouse } from "@millrace/core"
import { Clock, Effect, Metric, Option } from "effect"
import { HttpServerResponse } from "effect/http"
import { PrometheusMetrics } from "effect/observability"
import { Admission } from "../http/Admission.ts"
import { VERSION } from "../observe/version.ts"

const depth = Metric.gauge("millrace_queue_depth", { description: "Accepted events that no worker has acknowledged." })
const oldest = Metric.gauge("millrace_queue_oldest_age_seconds", {
  description: "Age of the oldest such event; 0 if none."
})
const horizon = Metric.gauge("millrace_etl_horizon_age_seconds", {
  description: "Age of the oldest transaction that holds the replay order back; 0 if none does."
})
const watermark = Metric.gauge("millrace_etl_watermark_timestamp_seconds", {
  description: "Every event acknowledged before this instant is loaded."
})
const difference = Metric.gauge("millrace_reconcile_difference_events", {
  description:
    "How far accepted events and what became of them are apart, all projects added: 0, or something is wrong."
})
const lost = Metric.gauge("millrace_lost_events", {
  description: "Accepted events that are gone from the queue or the hot store; never falls by itself."
})
const mismatches = Metric.counter("millrace_aggregate_mismatches_total", {
  description: "Comparisons in which aggregates gave other numbers than the events.",
  incremental: true
})
const checks = Metric.counter("millrace_aggregate_checks_total", {
  description: "Comparisons of aggregates with the events.",
  incremental: true
})
const aggregatesReady = Metric.gauge("millrace_aggregates_ready", {
  description: "1 while aggregates answer what they can; 0 while they are built, found wrong or turned off."
})
const defects = Metric.counter("millrace_loop_defects_total", {
  description: "Runs of background work that broke, by its name: each is a fault of the program.",
  incremental: true
})
const failures = Metric.counter("millrace_loop_failures_total", {
  description: "Runs of background work that failed and were tried again, by its name.",
  incremental: true
})
const stalled = Metric.gauge("millrace_loop_stalled", {
  description: "1 while background work of this name makes no progress."
})
const build = Metric.withAttributes(
  Metric.gauge("millrace_build_info", { description: "1, with the version as label." }),
  {
    version: VERSION
  }
)

/** `GET /metrics`: what changes by itself is read at the moment of asking. */
export const metrics = Effect.fnUntraced(function* () {
  yield* Metric.update(build, 1)
  // A part that does not answer keeps its last values; the rest is still worth seeing.
  yield* Effect.ignore(readProcess((yield* Admission).directory))
  yield* Effect.ignoreCause(readQueue)
  yield* Effect.ignoreCause(readHorizon)
  yield* Effect.ignoreCause(readWatermark)
  yield* Effect.ignoreCause(readLedgers)
  yield* Effect.ignoreCause(readAggregates)
  yield* readLoops
  return HttpServerResponse.text(yield* PrometheusMetrics.format(), {
    contentType: "text/plain; version=0.0.4; charset=utf-8",
    headers: { "cache-control": "no-store" }
  })
})

const readQueue = Effect.gen(function* () {
  const queue = yield* EventQueue
  const { events, oldestReceivedAt } = yield* queue.waiting
  const now = yield* Clock.currentTimeMillis
  yield* Metric.update(depth, events)
  yield* Metric.update(oldest, oldestReceivedAt === undefined ? 0 : Math.max(0, now / 1000 - oldestReceivedAt / 1e6))
})

const readHorizon = Effect.gen(function* () {
  const store = yield* Effect.serviceOption(Horizon)
  yield* Metric.update(horizon, Option.isNone(store) ? 0 : yield* store.value.ageSeconds)
})

const readWatermark = Effect.gen(function* () {
  yield* Metric.update(watermark, (yield* (yield* Warehouse).watermark).as_of / 1e6)
})

const readLedgers = Effect.gen(function* () {
  const { total } = yield* ledgers
  yield* Metric.update(difference, total.difference)
  yield* Metric.update(lost, total.lost)
})

/** Of this process; an engine without aggregates has no mismatches either. */
const readAggregates = Effect.gen(function* () {
  const aggregates = yield* Effect.serviceOption(Aggregates)
  const status = Option.isNone(aggregates) ? undefined : yield* aggregates.value.status
  yield* Metric.update(aggregatesReady, status?.state === "ready" ? 1 : 0)
  yield* raiseTo(checks, status?.checks ?? 0)
  yield* raiseTo(mismatches, status?.mismatches ?? 0)
})

/** Each is there from its start, at 0: an alert on a series that never came would never fire. */
const readLoops = Effect.gen(function* () {
  for (const loop of (yield* Loops).status(yield* Clock.currentTimeMillis)) {
    const label = { loop: loop.name }
    yield* raiseTo(Metric.withAttributes(defects, label), loop.defects)
    yield* raiseTo(Metric.withAttributes(failures, label), loop.failures)
    yield* Metric.update(Metric.withAttributes(stalled, label), loop.trouble === undefined ? 0 : 1)
  }
})

/** Counters go by what is added. */
const raiseTo = (counter: typeof mismatches, count: number) =>
  Effect.flatMap(Metric.value(counter), (counted) => Metric.update(counter, count - counted.count))

const free = Metric.gauge("millrace_disk_free_bytes", { description: "Free for us where the data folder is." })
const lag = Metric.gauge("nodejs_eventloop_lag_p99_seconds", {
  description: "How late the event loop ran its timers, 99th percentile since the last look."
})
const heap = Metric.gauge("nodejs_heap_used_bytes", { description: "Of V8's heap." })
const resident = Metric.gauge("process_resident_memory_bytes", { description: "Of the whole process." })

/** Started by the first look; one for the process, whatever the number of servers in it. */
let delay: ReturnType<typeof monitorEventLoopDelay> | undefined

const RESOLUTION_MILLIS = 20

const eventLoopLagSeconds = (): number => {
  if (delay === undefined) {
    delay = monitorEventLoopDelay({ resolution: RESOLUTION_MILLIS })
    delay.enable()
    return 0
  }
  const seconds = Math.max(0, delay.percentile(99) / 1e9 - RESOLUTION_MILLIS / 1000)
  delay.reset()
  return seconds
}

/** Event loop, memory, and the disk of `directory` where there is one. */
const readProcess = Effect.fnUntraced(function* (directory: string | undefined) {
  yield* Metric.update(lag, eventLoopLagSeconds())
  const memory = process.memoryUsage()
  yield* Metric.update(heap, memory.heapUsed)
  yield* Metric.update(resident, memory.rss)
  if (directory === undefined) return
  const { bavail, bsize } = yield* Effect.tryPromise(() => statfs(directory))
  yield* Metric.update(free, bavail * bsize)
})
