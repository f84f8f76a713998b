import {
  EventBatch,
  EventQueue,
  type EventQueueError,
  everyMillis,
  QueueSnapshot,
  superviseLoop,
  Tombstones
} from "@millrace/core"
import { Context, Effect, Layer, type Scope, Semaphore } from "effect"
import { copierOf } from "./backup/copier.ts"
import { Broker, queueError } from "./client.ts"
import { type NatsOptions, resolveOptions } from "./config.ts"
import { deadLettersOf } from "./deadLetters.ts"
import { durabilityOf } from "./durability.ts"
import { erase } from "./erase.ts"
import { Inbox } from "./Inbox.ts"
import { takeSnapshot } from "./ledger/snapshot.ts"
import { setAside } from "./letters.ts"
import { makeQueueLog, type QueueLog } from "./QueueLog.ts"
import { openStreams } from "./streams.ts"
import { namesOf } from "./subjects.ts"
import { makeSweep, nudge } from "./sweep.ts"
import { release, take } from "./take.ts"

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
    const events = yield* broker.attempt("open", () => openStreams(broker, names, resolved))
    const durability = yield* durabilityOf(broker, events, resolved)
    return { durability, log: makeQueueLog(broker, names, resolved, events) }
  })

/** The upkeep of what this process holds and of what nobody holds. */
const makeInbox = (log: QueueLog): Effect.Effect<Inbox, never, Scope.Scope> =>
  Effect.gen(function* () {
    const inbox = new Inbox(log.broker, log.names)
    const releaseIdle = Effect.suspend(() => {
      const idle = inbox.takeIdle()
      return idle.length === 0 ? Effect.void : release(log, inbox, idle)
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
      Effect.sync(() => log.broker.onChange(() => nudge(log))),
      (off) => Effect.sync(off)
    )
    const { sweepEveryMillis } = log.options
    yield* superviseLoop(everyMillis("sweep", sweepEveryMillis), Effect.as(makeSweep(log), sweepEveryMillis))
    const snapshot = (operation: EventQueueError["operation"]) =>
      Effect.tryPromise({
        try: () => takeSnapshot(log.broker, log.ledger, log.names),
        catch: (cause) => queueError(operation, cause)
      })
    const replaying = yield* Semaphore.make(1)
    const queue = EventQueue.of({
      durability,
      observe: log.meter.observe,
      publish: (batch) => publish(log, batch),
      take: (takeOptions) => take(log, inbox, takeOptions),
      deadLetter: (batch, reason) => setAside(log, batch, reason),
      deadLetters: deadLettersOf(log, replaying),
      depth: Effect.flatMap(snapshot("depth"), ({ bytes, oldest, waiting }) =>
        Effect.map(receivedAt(log, oldest), (oldestReceivedAt) => ({
          events: Object.values(waiting).reduce((sum, events) => sum + events, 0),
          bytes,
          oldestReceivedAt,
          lost: 0
        }))
      ),
      tombstones: new Tombstones(hashOfNobody),
      erase: (erasure) =>
        Effect.tryPromise({ try: () => erase(log, erasure), catch: (cause) => queueError("erase", cause) }),
      counts: Effect.map(snapshot("depth"), ({ accepted, deadLettered, replayed, unsettled, waiting }) => ({
        accepted,
        deadLettered,
        replayed,
        waiting,
        lost: {},
        unsettled: { log: log.id, positions: unsettled }
      }))
    })
    return Context.make(EventQueue, queue).pipe(Context.add(QueueSnapshot, copierOf(log, replaying)))
  })

/** Those of the store behind the queue count. */
const hashOfNobody = () => ""

const publish = (log: QueueLog, batch: EventBatch): Effect.Effect<void, EventQueueError> =>
  Effect.callback<void, EventQueueError>((resume) => {
    log.publisher.publish(batch, (error) =>
      resume(error === undefined ? Effect.void : Effect.fail(queueError("publish", error)))
    )
  })

/** Of the first batch at or after `position`; `undefined` when there is none. */
const receivedAt = (log: QueueLog, position: number | undefined) =>
  Effect.tryPromise({
    try: async () => {
      if (position === undefined) return undefined
      const batches = `${log.names.subjects.events}.*.*.*`
      const message = await log.broker.next(log.names.events, position, batches)
      return message === null ? undefined : EventBatch.fromBytes(message.data).received_at
    },
    catch: (cause) => queueError("depth", cause)
  })

/**
 * The queue on NATS JetStream, shared by any number of processes: ingest and workers name the same servers and `name`.
 *
 * Makes its streams when they are not there. Fails with operation `open`; the reason's cause is a schema error that names
 * the option, `StreamRefused` when the server keeps a stream differently, or what the driver says. Once open it outlives
 * the server: while that is down every call fails with `QueueUnavailable` at once, and works again when it is back.
 */
export const layer = (options: NatsOptions): Layer.Layer<EventQueue, EventQueueError> =>
  Layer.effectContext(make(options))

export { restorer } from "./backup/restore.ts"
