import { Cause, Clock, Context, Deferred, Effect, Exit, Layer } from "effect"
import { EventBatch } from "../event/EventBatch.ts"
import { DeadLetters } from "../port/DeadLetters.ts"
import { QueueErasure } from "../port/Erasure.ts"
import {
  type Delivery,
  EventQueue,
  EventQueueError,
  QueueFull,
  type TakeOptions,
  type Waiting
} from "../port/EventQueue.ts"
import { QueueLedger } from "../port/Ledger.ts"
import { QueueObservation } from "../port/QueueObserver.ts"
import type { QueueServices } from "../port/services.ts"
import { type MemoryQueueOptions, type Message, QueueState } from "./QueueState.ts"

const DEFAULTS: MemoryQueueOptions = { capacity: 1_000_000, maxAttempts: 8, backoffMillis: 100 }
const RETRY_AFTER_SECONDS = 1

/** An {@link EventQueue} that lives and dies with the process: for tests and for trying things out. */
export const layerMemoryQueue = (options: Partial<MemoryQueueOptions> = {}): Layer.Layer<QueueServices> =>
  Layer.effectContext(Effect.sync(() => make(new QueueState({ ...DEFAULTS, ...options }))))

const make = (state: QueueState): Context.Context<QueueServices> => {
  const publish = publishTo(state)
  return Context.make(EventQueue, {
    durability: "none",
    publish,
    take: (options) => take(state, options),
    waiting: Effect.sync(() => waitingIn(state))
  }).pipe(
    Context.add(DeadLetters, deadLettersOf(state, publish)),
    Context.add(QueueLedger, {
      counts: Effect.sync(() => ({
        accepted: state.accepted.toRecord(),
        deadLettered: state.deadLettered.toRecord(),
        replayed: state.replayed.toRecord(),
        waiting: state.waiting,
        lost: {},
        unsettled: state.unsettled
      })),
      lost: Effect.succeed(0)
    }),
    Context.add(QueueErasure, {
      tombstones: state.tombstones,
      erase: (erasure) => Effect.sync(() => state.erase(erasure))
    }),
    Context.add(QueueObservation, { observe: state.meter.observe })
  )
}

const publishTo = (state: QueueState) => (batch: EventBatch) =>
  Effect.suspend(() =>
    state.publish(batch)
      ? Effect.void
      : Effect.fail(
          new EventQueueError({
            operation: "publish",
            reason: new QueueFull({ retryAfterSeconds: RETRY_AFTER_SECONDS })
          })
        )
  )

const waitingIn = (state: QueueState): Waiting => {
  const waiting = [...state.messages.values()].map((message) => message.batch)
  return {
    events: state.waitingEvents,
    bytes: waiting.reduce((sum, batch) => sum + batch.bytes.length, 0),
    oldestReceivedAt: waiting.length === 0 ? undefined : Math.min(...waiting.map((batch) => batch.received_at))
  }
}

const deadLettersOf = (state: QueueState, publish: EventQueue["Service"]["publish"]): DeadLetters["Service"] => ({
  put: (batch, reason) => Effect.map(Clock.currentTimeMillis, (now) => state.deadLetter(batch, reason, now)),
  list: ({ after = "", limit, project_id }) =>
    Effect.sync(() =>
      state.letters
        .filter((letter) => letter.id > after && (project_id ?? letter.event.project_id) === letter.event.project_id)
        .slice(0, limit)
    ),
  purge: (selection) => Effect.sync(() => state.takeLetters(selection).length),
  replay: Effect.fnUntraced(function* (selection) {
    const letters = state.takeLetters(selection)
    for (const batch of EventBatch.group(letters.map((letter) => letter.event))) {
      yield* publish(batch)
      state.replayed.add(batch.project_id, batch.count)
    }
    return letters.length
  })
})

const take = Effect.fnUntraced(function* (state: QueueState, options: TakeOptions) {
  const leased = yield* Effect.acquireRelease(
    lease(state, options),
    (messages, exit) => Effect.andThen(settle(state, messages, exit), buryExhausted(state, options)),
    {
      interruptible: true
    }
  )
  const delivery: Delivery = {
    batches: leased.map((message) => message.batch),
    attempt: Math.max(...leased.map((message) => message.failures)) + 1
  }
  return delivery
})

const BURY_AGAIN_MILLIS = 1_000

const buryExhausted = (state: QueueState, options: TakeOptions) =>
  Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const { exhausted = (batch, reason) => Effect.sync(() => state.deadLetter(batch, reason, now)) } = options
    for (const { message, why } of state.takeExhausted()) {
      const attempts = message.failures
      const reason = { stage: "queue", code: "attempts_exhausted", message: why, attempts } as const
      yield* exhausted(message.batch, reason).pipe(
        Effect.map(() => state.ack(message)),
        Effect.catch(() => Effect.sync(() => state.postpone(message, now + BURY_AGAIN_MILLIS)))
      )
    }
  })

const lease = (state: QueueState, options: TakeOptions): Effect.Effect<ReadonlyArray<Message>> =>
  Effect.gen(function* () {
    while (true) {
      const { changed } = state
      const now = yield* Clock.currentTimeMillis
      const messages = state.lease(options.limit, now, now + options.ackWaitMillis)
      yield* buryExhausted(state, options)
      if (messages.length > 0) return messages
      const wait = Deferred.await(changed)
      const until = state.nextAvailableAt
      yield* Number.isFinite(until) ? Effect.timeoutOption(wait, Math.max(1, until - now)) : wait
    }
  })

const settle = (state: QueueState, messages: ReadonlyArray<Message>, exit: Exit.Exit<unknown, unknown>) =>
  Effect.map(Clock.currentTimeMillis, (now) => {
    for (const message of messages) {
      if (Exit.isSuccess(exit)) state.ack(message)
      else if (Cause.hasInterruptsOnly(exit.cause)) state.release(message)
      else state.fail(message, now, Cause.pretty(exit.cause).slice(0, 1_000))
    }
  })
