import { Clock, Context, Deferred, Effect, Layer } from "effect"
import { EventBatch } from "../event/EventBatch.ts"
import { expire, type Lease, settle } from "../kit/settle.ts"
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
import { type LeasedMessages, type MemoryQueueOptions, type Message, QueueState } from "./QueueState.ts"

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
        inFlight: state.inFlight
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

const put =
  (state: QueueState): DeadLetters["Service"]["put"] =>
  (batch, reason) =>
    Effect.map(Clock.currentTimeMillis, (now) => state.deadLetter(batch, reason, now))

const deadLettersOf = (state: QueueState, publish: EventQueue["Service"]["publish"]): DeadLetters["Service"] => ({
  put: put(state),
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

const take = (state: QueueState, options: TakeOptions) =>
  // Interruptible only while it waits: messages that were taken always get their finalizer.
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const leased = yield* awaitLease(state, options, restore)
      yield* Effect.addFinalizer((exit) => settle(leaseOf(state, leased, options), state.options, exit))
      const delivery: Delivery = {
        batches: leased.messages.map(({ batch }) => batch),
        attempt: Math.max(...leased.messages.map(({ attempt }) => attempt))
      }
      return delivery
    })
  )

type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

const awaitLease = (state: QueueState, options: TakeOptions, restore: Restore): Effect.Effect<LeasedMessages> =>
  Effect.gen(function* () {
    while (true) {
      const { changed } = state
      const now = yield* Clock.currentTimeMillis
      for (const expired of state.expired(now)) yield* expire(leaseOf(state, expired, options), state.options)
      const leased = state.lease(options.limit, now, now + options.ackWaitMillis)
      if (leased !== undefined) return leased
      const wait = Deferred.await(changed)
      const until = state.nextAvailableAt
      yield* restore(Number.isFinite(until) ? Effect.timeoutOption(wait, Math.max(1, until - now)) : wait)
    }
  })

const leaseOf = (state: QueueState, leased: LeasedMessages, options: TakeOptions): Lease<Message, never> => {
  const { messages } = leased
  const waitFor = (message: Message, delayMillis: number) =>
    Effect.map(Clock.currentTimeMillis, (now) => state.wait(message, now + delayMillis))
  return {
    messages,
    end: () => state.end(leased),
    acknowledge: Effect.sync(() => messages.forEach((message) => state.ack(message))),
    release: Effect.sync(() => messages.forEach((message) => state.wait(message, 0))),
    retry: (message, delayMillis) =>
      Effect.suspend(() => {
        message.attempt++
        return waitFor(message, delayMillis)
      }),
    bury: Effect.fnUntraced(function* (message, reason) {
      // Acknowledged, late, by whoever held it before.
      if (!state.holds(message)) return
      yield* (options.exhausted ?? put(state))(message.batch, reason)
      state.ack(message)
    }),
    postpone: waitFor
  }
}
