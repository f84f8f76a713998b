import { Cause, Clock, Deferred, Effect, Exit, Layer } from "effect"
import { EventBatch } from "../event/EventBatch.ts"
import { type Delivery, EventQueue, EventQueueError, QueueFull, type TakeOptions } from "../port/EventQueue.ts"
import { type MemoryQueueOptions, type Message, QueueState } from "./QueueState.ts"

const DEFAULTS: MemoryQueueOptions = { capacity: 1_000_000, maxAttempts: 8, backoffMillis: 100 }
const RETRY_AFTER_SECONDS = 1

/** An {@link EventQueue} that lives and dies with the process: for tests and for trying things out. */
export const layerMemoryQueue = (options: Partial<MemoryQueueOptions> = {}): Layer.Layer<EventQueue> =>
  Layer.sync(EventQueue, () => make(new QueueState({ ...DEFAULTS, ...options })))

const make = (state: QueueState) => {
  const publish = (batch: EventBatch) =>
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
  return EventQueue.of({
    durability: "none",
    observe: state.meter.observe,
    publish,
    take: (options) => take(state, options),
    deadLetter: (batch, reason) => Effect.map(Clock.currentTimeMillis, (now) => state.deadLetter(batch, reason, now)),
    deadLetters: deadLettersOf(state, publish),
    depth: Effect.sync(() => {
      const waiting = [...state.messages.values()].map((message) => message.batch)
      return {
        events: state.waitingEvents,
        bytes: waiting.reduce((sum, batch) => sum + batch.bytes.length, 0),
        oldestReceivedAt: waiting.length === 0 ? undefined : Math.min(...waiting.map((batch) => batch.received_at)),
        lost: 0
      }
    }),
    counts: Effect.sync(() => ({
      accepted: state.accepted.value,
      deadLettered: state.deadLettered.value,
      replayed: state.replayed.value,
      waiting: state.waiting,
      lost: {},
      unsettled: state.unsettled
    })),
    tombstones: state.tombstones,
    erase: (erasure) => Effect.sync(() => state.erase(erasure))
  })
}

const deadLettersOf = (
  state: QueueState,
  publish: EventQueue["Service"]["publish"]
): EventQueue["Service"]["deadLetters"] => ({
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

const buryExhausted = (state: QueueState, { unstored = (batch) => Effect.succeed([batch]) }: TakeOptions) =>
  Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    for (const { message, why } of state.takeExhausted()) {
      const attempts = message.failures
      const reason = { stage: "queue", code: "attempts_exhausted", message: why, attempts } as const
      yield* unstored(message.batch).pipe(
        Effect.map((parts) => {
          for (const part of parts) state.deadLetter(part, reason, now)
          state.ack(message)
        }),
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
