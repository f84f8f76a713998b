import { Clock, Context, Effect, Exit, Layer, Semaphore } from "effect"
import type { LoadReport } from "./load.ts"
import { makeLoadAhead } from "./loadAhead.ts"
import { drain } from "./drain.ts"
import { type LoopOptions, superviseLoop } from "../kit/superviseLoop.ts"
import type { DeadLetters } from "../port/DeadLetters.ts"
import { EventQueue, type EventQueueError } from "../port/EventQueue.ts"
import { EventStore, type EventStoreError } from "../port/EventStore.ts"
import { Warehouse, type WarehouseError } from "../port/Warehouse.ts"

export type PipelineError = EventQueueError | EventStoreError | WarehouseError

/** `drain`: queue → hot store. `load`: hot store → warehouse. */
export type PipelineLoop = "drain" | "load"

export interface PipelineOptions {
  /** Those this process runs; others may run in other processes. */
  readonly loops: ReadonlyArray<PipelineLoop>
  /** Events per delivery from the queue. */
  readonly drainLimit: number
  readonly ackWaitMillis: number
  /** Events per load into the warehouse; as many again are fetched ahead while there are more. */
  readonly loadLimit: number
  /** Pause between loads once everything is loaded: the usual delay from 202 to counted. */
  readonly loadIntervalMillis: number
  /** After a failure; doubles up to the maximum. */
  readonly retryMillis: number
  readonly maxRetryMillis: number
  /** How long closing may spend on loading what was accepted; the rest stays in the queue. */
  readonly closeWithinMillis: number
}

export const pipelineDefaults: PipelineOptions = {
  loops: ["drain", "load"],
  drainLimit: 20_000,
  ackWaitMillis: 60_000,
  loadLimit: 200_000,
  loadIntervalMillis: 500,
  retryMillis: 100,
  maxRetryMillis: 10_000,
  closeWithinMillis: 5_000
}

const FLUSH_POLL_MILLIS = 2

/** The background work: queue → hot store → warehouse, for as long as its layer lives. */
export class Pipeline extends Context.Service<
  Pipeline,
  {
    /**
     * Returns once everything accepted before the call has passed through the loops that run here: it is in the
     * warehouse (or among the dead letters) where both do.
     */
    readonly flush: Effect.Effect<void, PipelineError>
  }
>()("@millrace/core/pipeline/Pipeline") {
  static readonly layer = (options: Partial<PipelineOptions> = {}): Layer.Layer<Pipeline, never, Services> =>
    Layer.effect(Pipeline, make({ ...pipelineDefaults, ...options }))
}

type Services = EventQueue | DeadLetters | EventStore | Warehouse

const make = Effect.fnUntraced(function* (options: PipelineOptions) {
  const services = yield* Effect.context<Services>()
  const oneAtATime = yield* Semaphore.make(1)
  const load = yield* makeLoadAhead({ limit: options.loadLimit })
  const loadOnce = oneAtATime.withPermit(Effect.uninterruptible(thenPrune(load)))
  const loadStep = Effect.map(loadOnce, (report) =>
    report.advanced && !report.caughtUp ? 0 : options.loadIntervalMillis
  )
  const runs = (loop: PipelineLoop) => options.loops.includes(loop)
  if (runs("drain")) yield* superviseLoop(loopOf("drain", options), drainStep(options))
  if (runs("load")) yield* superviseLoop(loopOf("load", options), loadStep)
  const loadRest = runs("load") ? loadOnce : Effect.succeed({ caughtUp: true, advanced: false })
  const flush = Effect.provideContext(
    flushWith(runs("drain") ? drainedSince : () => Effect.succeed(true), loadRest),
    services
  )
  // Registered after the loops, so it runs while they still do.
  yield* Effect.addFinalizer(() => flush.pipe(Effect.timeoutOption(options.closeWithinMillis), Effect.ignore))
  return Pipeline.of({ flush })
})

/**
 * One delivery. After a failure the store is asked first, with nothing to store: while it is down no message is taken, or
 * an outage would cost every message its attempts.
 */
const drainStep = (options: PipelineOptions) => {
  let failed = false
  const storeAnswers = Effect.flatMap(EventStore, (store) => store.append([]))
  const deliver = drain({ limit: options.drainLimit, ackWaitMillis: options.ackWaitMillis }).pipe(
    Effect.onExit((exit) =>
      Effect.sync(() => {
        failed = Exit.isFailure(exit)
      })
    )
  )
  return Effect.suspend(() => (failed ? Effect.andThen(storeAnswers, deliver) : deliver)).pipe(Effect.as(0))
}

const thenPrune = Effect.fnUntraced(function* <E, R>(load: Effect.Effect<LoadReport, E, R>) {
  const report = yield* load
  if (report.inserted > 0) {
    const { cursor } = yield* (yield* Warehouse).watermark
    yield* (yield* EventStore).prune({ upTo: cursor })
  }
  return report
})

/** Without either of them the process does not do what it is there for. */
const loopOf = (name: PipelineLoop, { maxRetryMillis, retryMillis }: PipelineOptions): LoopOptions => ({
  name,
  essential: true,
  retryMillis,
  maxRetryMillis,
  annotations: { stage: name === "drain" ? "store" : "etl" }
})

/** Whether all that was accepted before `start`, in UTC microseconds, has left the queue. */
const drainedSince = Effect.fnUntraced(function* (start: number) {
  const { oldestReceivedAt } = yield* (yield* EventQueue).waiting
  return oldestReceivedAt === undefined || oldestReceivedAt > start
})

const flushWith = Effect.fnUntraced(function* <R, R2>(
  drainedAt: (start: number) => Effect.Effect<boolean, PipelineError, R>,
  loadRest: Effect.Effect<Pick<LoadReport, "caughtUp" | "advanced">, PipelineError, R2>
) {
  const start = (yield* Clock.currentTimeMillis) * 1000
  while (true) {
    const drained = yield* drainedAt(start)
    const { advanced, caughtUp } = yield* loadRest
    if (drained && caughtUp) return
    // Nothing moves while an earlier message waits for its next attempt, or a transaction runs.
    if (caughtUp || !advanced) yield* Effect.sleep(FLUSH_POLL_MILLIS)
  }
})
