import { Effect, type Scope } from "effect"
import type { EventBatch } from "../../event/EventBatch.ts"
import type { DeadLetterReason, Delivery, EventQueueError, TakeOptions } from "../../port/EventQueue.ts"
import { type Attempted, type AttemptLimits, buryOrPostpone, expire, lastAlone, type Lease, settle } from "../settle.ts"
import { superviseOnce } from "../superviseLoop.ts"
import { positionIn, recordEmpty } from "./Account.ts"
import { bury, decode, keepBytes, type Known, recordSettled } from "./bury.ts"
import { follow } from "./follow.ts"
import type { LogQueue } from "./LogQueue.ts"
import type { Label } from "./record.ts"

/** A message of the stream that this process was handed, and has not answered. */
export interface Handed extends Omit<Known, "label"> {
  readonly sequence: number
  /** As the engine counts: every time it was handed out. */
  readonly deliveries: number
  /** Undefined: not written by this adapter. */
  readonly label: Label | undefined
}

type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/** How an engine hands messages out. It leases them until they are answered, or let go. */
export interface Handout<M extends Handed> {
  /** Waits for some messages of up to `limit` events; `restore` makes the waiting interruptible, and nothing else. */
  readonly next: (limit: number, restore: Restore) => Effect.Effect<ReadonlyArray<M>, EventQueueError>
  /** The next to be handed out here, as they are. */
  readonly putBack: (messages: ReadonlyArray<M>) => void
  /** Takes them off the stream; certain when it resolves. */
  readonly acknowledge: (messages: ReadonlyArray<M>) => Promise<void>
  /** To be handed out again, to anybody, after the delay. */
  readonly giveBack: (message: M, delayMillis: number) => void
  /** Never to be handed out again. */
  readonly terminate: (message: M) => void
  /** Ends the lease of those that were not answered, in the engine's own time. */
  readonly letGo: (messages: ReadonlyArray<M>) => void
}

/** A queue and how its messages are handed out. */
export interface Taking<M extends Handed> {
  readonly queue: LogQueue
  readonly handout: Handout<M>
  readonly limits: AttemptLimits
}

type Leased<M> = M & Known & Attempted & { readonly batches: ReadonlyArray<EventBatch> }

/** `EventQueue.take` of a queue on a log. */
export const take = <M extends Handed>(
  taking: Taking<M>,
  options: TakeOptions
): Effect.Effect<Delivery, EventQueueError, Scope.Scope> =>
  // Interruptible only while it waits: messages that were taken always get their finalizer.
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const { handout, limits } = taking
      const messages = yield* takeNext(taking, options, restore)
      const lease = leaseOf(taking, messages, options)
      // A failure here costs a redelivery, never an event: what is not acknowledged comes again.
      yield* Effect.addFinalizer((exit) =>
        settle(lease, limits, exit).pipe(
          Effect.ensuring(Effect.sync(() => handout.letGo(messages))),
          Effect.catchCause((cause) => Effect.logWarning("a delivery could not be settled and comes again", cause))
        )
      )
      const end = Effect.uninterruptible(expire(lease, limits))
      yield* superviseOnce("lease-end", Effect.delay(end, options.ackWaitMillis))
      return {
        batches: messages.flatMap(({ batches }) => batches),
        attempt: Math.max(...messages.map(({ attempt }) => attempt))
      }
    })
  )

const leaseOf = <M extends Handed>(
  taking: Taking<M>,
  messages: ReadonlyArray<Leased<M>>,
  options: TakeOptions
): Lease<Leased<M>, EventQueueError> => {
  const { handout, queue } = taking
  let hasEnded = false
  return {
    messages,
    end: () => {
      const wasHeld = !hasEnded
      hasEnded = true
      return wasHeld
    },
    acknowledge: Effect.andThen(recordSettled(queue, messages), acknowledge(taking, messages)),
    release: release(taking, messages),
    retry: (message, delayMillis) => Effect.sync(() => handout.giveBack(message, delayMillis)),
    ...failingOf(taking, options)
  }
}

/** When the letters cannot be written the message waits for another try. */
const failingOf = <M extends Handed>(taking: Taking<M>, options: TakeOptions) => ({
  bury: (message: M & Known, reason: DeadLetterReason) =>
    Effect.andThen(bury(taking.queue, message, reason, options), acknowledge(taking, [message])),
  postpone: (message: M, delayMillis: number) => Effect.sync(() => taking.handout.giveBack(message, delayMillis))
})

const takeNext = Effect.fnUntraced(function* <M extends Handed>(
  taking: Taking<M>,
  options: TakeOptions,
  restore: Restore
) {
  while (true) {
    const messages = yield* taking.handout.next(options.limit, restore)
    const leased = yield* prepare(taking, messages, options)
    if (leased.length > 0) return leased
  }
})

/** What of the messages can be delivered; the rest is settled here, or put back. */
const prepare = <M extends Handed>(
  taking: Taking<M>,
  messages: ReadonlyArray<M>,
  options: TakeOptions
): Effect.Effect<ReadonlyArray<Leased<M>>, EventQueueError> =>
  Effect.gen(function* () {
    const { handout, limits, queue } = taking
    if (messages.some(({ deliveries }) => deliveries > 1)) {
      yield* Effect.tryPromise({ try: () => queue.ledger.refresh(), catch: (cause) => queue.errorOf("take", cause) })
    }
    const prepared = yield* Effect.forEach(messages, (message) => prepareOne(taking, message, options))
    const leased = prepared.filter((one) => one !== undefined)
    const delivered = lastAlone(leased, limits)
    const others = new Set(leased.filter((one) => !delivered.includes(one)).map(({ position }) => position))
    if (others.size > 0) handout.putBack(messages.filter(({ position }) => others.has(position)))
    return delivered
  }).pipe(Effect.tapError(() => Effect.sync(() => taking.handout.letGo(messages))))

/** Undefined when it is not to be delivered: settled, dead, or not ours. */
const prepareOne = Effect.fnUntraced(function* <M extends Handed>(
  taking: Taking<M>,
  message: M,
  options: TakeOptions
): Effect.fn.Return<Leased<M> | undefined, EventQueueError> {
  const { handout, limits, queue } = taking
  const { label, position } = message
  const { state } = queue.ledger
  if (label === undefined) {
    yield* keepBytes(queue, message)
    yield* Effect.tryPromise({
      try: () => recordEmpty(queue, [position]),
      catch: (cause) => queue.errorOf("ack", cause)
    })
    handout.terminate(message)
    return undefined
  }
  const known = { ...message, label }
  if (state.isSettled(position)) return yield* dismiss(taking, message)
  const attempt = Math.max(1, message.deliveries - state.releases(position))
  const batch = decode(queue, known)
  if (batch === undefined || attempt > limits.maxAttempts) {
    yield* buryOrPostpone(failingOf(taking, options), known, leaseExpired(attempt - 1))
    return undefined
  }
  const batches = state
    .dead(position)
    .missing(0, batch.count)
    .map(([start, end]) => batch.slice(start, end))
  if (batches.length > 0) return { ...known, attempt, batches }
  yield* recordSettled(queue, [known])
  yield* acknowledge(taking, [message])
  return undefined
})

/** Settled: its acknowledgement was lost. Unless the stream is another by now, and the message comes again as a new one. */
const dismiss = Effect.fnUntraced(function* <M extends Handed>(taking: Taking<M>, message: M) {
  const { handout, queue } = taking
  yield* Effect.tryPromise({ try: () => follow(queue), catch: (cause) => queue.errorOf("take", cause) })
  if (positionIn(queue, message.sequence) === message.position) yield* acknowledge(taking, [message])
  else handout.giveBack(message, 0)
  return undefined
})

const leaseExpired = (attempts: number): DeadLetterReason => ({
  stage: "queue",
  code: "lease_expired",
  message: "no worker answered in time",
  attempts
})

const acknowledge = <M extends Handed>(
  { handout, queue }: Taking<M>,
  messages: ReadonlyArray<M>
): Effect.Effect<void, EventQueueError> =>
  Effect.tryPromise({ try: () => handout.acknowledge(messages), catch: (cause) => queue.errorOf("ack", cause) })

/** Back at once; not an attempt. */
export const release = <M extends Handed>(
  { handout, queue }: Pick<Taking<M>, "handout" | "queue">,
  messages: ReadonlyArray<M>
): Effect.Effect<void, EventQueueError> =>
  Effect.tryPromise({
    try: () => queue.ledger.append({ _tag: "Released", positions: messages.map(({ position }) => position) }),
    catch: (cause) => queue.errorOf("ack", cause)
  }).pipe(Effect.ensuring(Effect.sync(() => messages.forEach((message) => handout.giveBack(message, 0)))))
