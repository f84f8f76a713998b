import { EventQueue, EventStore, type ByProject, Warehouse } from "@millrace/core"
import { Clock, Effect, Metric } from "effect"
import { HttpServerResponse } from "effect/http"
import { PrometheusMetrics } from "effect/observability"
import { Gate } from "../http/Gate.ts"
import { readProcess } from "../observe/processMetrics.ts"
import { VERSION } from "../version.ts"

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
  description: "Accepted minus stored, duplicates, dead letters and in flight: 0, or something is wrong."
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
  yield* Effect.ignore(readProcess((yield* Gate).directory))
  yield* Effect.ignore(readQueue)
  yield* Effect.ignore(readHorizon)
  yield* Effect.ignore(readWarehouse)
  return HttpServerResponse.text(yield* PrometheusMetrics.format(), {
    contentType: "text/plain; version=0.0.4; charset=utf-8",
    headers: { "cache-control": "no-store" }
  })
})

const readQueue = Effect.gen(function* () {
  const queue = yield* EventQueue
  const { events, oldestReceivedAt } = yield* queue.depth
  const now = yield* Clock.currentTimeMillis
  yield* Metric.update(depth, events)
  yield* Metric.update(oldest, oldestReceivedAt === undefined ? 0 : Math.max(0, now / 1000 - oldestReceivedAt / 1e6))
})

const readHorizon = Effect.gen(function* () {
  const { horizonAgeSeconds = Effect.succeed(0) } = yield* EventStore
  yield* Metric.update(horizon, yield* horizonAgeSeconds)
})

/** As core's ledger, over all projects: the warehouse first, the backlog from its cursor. */
const readWarehouse = Effect.gen(function* () {
  const warehouse = yield* Warehouse
  yield* Metric.update(watermark, (yield* warehouse.watermark).as_of / 1e6)
  const { cursor, duplicates, stored } = yield* warehouse.counts
  const { accepted, deadLettered, unsettled, waiting } = yield* (yield* EventQueue).counts
  const backlog = yield* (yield* EventStore).backlog(cursor, unsettled)
  const settled = total(stored) + total(duplicates) + total(deadLettered)
  yield* Metric.update(difference, total(accepted) - settled - total(waiting) - total(backlog))
})

const total = (by: ByProject) => Object.values(by).reduce((sum, count) => sum + count, 0)
