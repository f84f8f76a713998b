import {
  DeadLetters,
  EventBatch,
  EventQueue,
  type EventQueueError,
  everyMillis,
  QueueErasure,
  QueueLedger,
  QueueObservation,
  type QueueServices,
  QueueSnapshot,
  superviseLoop,
  Tombstones
} from "@millrace/core"
import { ledgerOf, release, type Snapshot, takeSnapshot, tellNotes, waitingOf } from "@millrace/core/account"
import { Context, Effect, Layer, type Scope, Semaphore } from "effect"
import { Broker } from "./client.ts"
import { type NatsOptions, resolveOptions } from "./config.ts"
import { deadLettersOf } from "./deadLetters.ts"
import { durabilityOf } from "./durability.ts"
import { erase } from "./erase.ts"
import { Inbox } from "./Inbox.ts"
import { openQueueLog, type QueueLog } from "./QueueLog.ts"
import { namesOf } from "./subjects.ts"
import { makeSweep, nudge } from "./sweep.ts"
import { handoutOf, take } from "./take.ts"
import { isGone, isUnheard, queueError } from "./errors.ts"
import { copierOf } from "./backup.ts"

/** A lease is renewed this many times before the server would end it. */
const BEATS = 3

const open = (options: NatsOptions) =>
  Effect.gen(function* () {
    const resolved = yield* Effect.try({
      try: () => resolveOptions(options),
      catch: (cause) => queueError("open", cause)
    })
    const broker = yield* Effect.acquireRelease(
      Effect.tryPromise({ try: () => Broker.connect(resolved), catch: (cause) => queueError("open", cause) }),
      ({ connection }) => Effect.ignore(Effect.tryPromise(() => connection.close()))
    )
    const names = namesOf(resolved.name)
    const log = yield* broker.attempt("open", () => openQueueLog(broker, names, resolved))
    const events = yield* broker.attempt("open", () => broker.streams.info(names.events))
    const durability = yield* durabilityOf(broker, events, resolved)
    yield* Effect.addFinalizer(() => Effect.promise(() => log.manifest.close()))
    return { durability, log }
  })

/** The upkeep of what this process holds and of what nobody holds. */
const makeInbox = (log: QueueLog): Effect.Effect<Inbox, never, Scope.Scope> =>
  Effect.gen(function* () {
    const inbox = new Inbox(log)
    const releaseIdle = Effect.suspend(() => {
      const idle = inbox.takeIdle()
      return idle.length === 0 ? Effect.void : release({ queue: log, handout: handoutOf(log, inbox) }, idle)
    })
    yield* Effect.addFinalizer(() =>
      Effect.promise(() => inbox.close()).pipe(
        Effect.andThen(releaseIdle),
        Effect.ignoreCause({ log: "Warn", message: "deliveries that nobody took could not be given back" })
      )
    )
    const beat = Effect.andThen(
      Effect.sync(() => inbox.renew()),
      releaseIdle
    )
    const every = log.options.redeliverMillis / BEATS
    yield* superviseLoop(everyMillis("leases", every), Effect.as(beat, every))
    return inbox
  })

const make = (options: NatsOptions) =>
  Effect.gen(function* () {
    const { durability, log } = yield* open(options)
    const inbox = yield* makeInbox(log)
    yield* Effect.acquireRelease(
      Effect.sync(() => log.broker.onChange(() => reconnected(log))),
      (off) => Effect.sync(off)
    )
    const { sweepEveryMillis } = log.options
    const sweep = Effect.andThen(makeSweep(log), tellNotes(log))
    yield* superviseLoop(everyMillis("sweep", sweepEveryMillis), Effect.as(sweep, sweepEveryMillis))
    const look = Effect.tryPromise({ try: () => lookAgain(log), catch: (cause) => queueError("depth", cause) }).pipe(
      Effect.tap(tellNotes(log))
    )
    const replaying = yield* Semaphore.make(1)
    return Context.make(EventQueue, {
      durability,
      publish: (batch) => publish(log, batch),
      take: (takeOptions) => take(log, inbox, takeOptions),
      waiting: waitingOf(log, look)
    }).pipe(
      Context.add(DeadLetters, deadLettersOf(log, replaying)),
      Context.add(QueueObservation, { observe: log.meter.observe }),
      Context.add(QueueErasure, {
        tombstones: new Tombstones(hashOfNobody),
        erase: (erasure) =>
          Effect.tryPromise({ try: () => erase(log, erasure), catch: (cause) => queueError("erase", cause) })
      }),
      Context.add(QueueLedger, ledgerOf(log, look)),
      Context.add(QueueSnapshot, copierOf(log, replaying))
    )
  })

/** Those of the store behind the queue count. */
const hashOfNobody = () => ""

/** Streams that are gone are made again before anybody is told that they are. */
const lookAgain = (log: QueueLog): Promise<Snapshot> =>
  takeSnapshot(log).catch((cause: unknown) => {
    if (!isGone(cause) && !isUnheard(cause)) throw cause
    return log.mending.mend().then(() => takeSnapshot(log))
  })

/** A server that was away may have come back with another stream. */
const reconnected = (log: QueueLog): void => {
  if (!log.broker.connected) return
  log.mending.ready().then(
    () => nudge(log),
    () => undefined
  )
}

const publish = (log: QueueLog, batch: EventBatch): Effect.Effect<void, EventQueueError> =>
  Effect.callback<void, EventQueueError>((resume) => {
    log.publisher.publish(batch, (error) => {
      if (isUnheard(error)) log.mending.mend().catch(() => undefined)
      resume(error === undefined ? Effect.void : Effect.fail(queueError("publish", error)))
    })
  })

/**
 * The queue on NATS JetStream, shared by any number of processes: ingest and workers name the same servers and `name`.
 *
 * Makes its streams when they are not there. Fails with operation `open`; the reason's cause is a schema error that names
 * the option, `StreamRefused` when the server keeps a stream differently, or what the driver says. Once open it outlives
 * the server: while that is down every call fails with `QueueUnavailable` at once, and works again when it is back.
 */
export const layer = (options: NatsOptions): Layer.Layer<QueueServices | QueueSnapshot, EventQueueError> =>
  Layer.effectContext(make(options))
