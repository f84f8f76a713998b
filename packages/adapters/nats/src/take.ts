import {
  type DeadLetterReason,
  type Delivery,
  type EventBatch,
  type EventQueueError,
  superviseOnce,
  type TakeOptions
} from "@millrace/core"
import {
  bury,
  decode,
  follow,
  keepBytes,
  type Known,
  positionIn,
  recordEmpty,
  recordSettled
} from "@millrace/core/account"
import { Cause, Effect, Exit, Random, type Scope } from "effect"
import { NotConnected, queueError } from "./client.ts"
import type { Inbox, Message } from "./Inbox.ts"
import type { QueueLog } from "./QueueLog.ts"

const MAX_BACKOFF_MILLIS = 30_000
const MESSAGE_LENGTH = 1_000
const ANSWER_MILLIS = 5_000

type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

interface Leased extends Message, Known {
  readonly label: Known["label"]
  /** 1 on the first delivery that counts. */
  readonly attempt: number
  readonly batches: ReadonlyArray<EventBatch>
}

interface Lease {
  readonly options: TakeOptions
  readonly messages: ReadonlyArray<Leased>
  /** The messages went to somebody else, or to the dead letters. */
  expired: boolean
}

export const take = (
  log: QueueLog,
  inbox: Inbox,
  options: TakeOptions
): Effect.Effect<Delivery, EventQueueError, Scope.Scope> =>
  // Interruptible only while it waits: messages that were taken always get their finalizer.
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const lease: Lease = { options, messages: yield* awaitMessages(log, inbox, options, restore), expired: false }
      yield* Effect.addFinalizer((exit) => settle(log, inbox, lease, exit))
      yield* superviseOnce("lease-end", Effect.delay(expire(log, inbox, lease), options.ackWaitMillis))
      return {
        batches: lease.messages.flatMap(({ batches }) => batches),
        attempt: Math.max(...lease.messages.map(({ attempt }) => attempt))
      }
    })
  )

const awaitMessages = (log: QueueLog, inbox: Inbox, options: TakeOptions, restore: Restore) =>
  Effect.acquireUseRelease(
    Effect.sync(() => inbox.takers++),
    () => takeNext(log, inbox, options, restore),
    () => Effect.sync(() => inbox.takers--)
  )

const takeNext = Effect.fnUntraced(function* (log: QueueLog, inbox: Inbox, options: TakeOptions, restore: Restore) {
  const { maxMessages } = log.options
  while (true) {
    if (!log.broker.connected) return yield* Effect.fail(queueError("take", new NotConnected("the server is down")))
    const trouble = inbox.takeTrouble()
    if (trouble !== undefined) {
      yield* Effect.tryPromise({ try: () => log.mending.mend(), catch: (cause) => queueError("take", cause) })
      return yield* Effect.fail(queueError("take", new Error(trouble)))
    }
    const taken = inbox.take(options.limit, maxMessages)
    if (taken !== undefined) {
      const leased = yield* prepare(log, inbox, taken, options)
      if (leased.length > 0) return leased
      continue
    }
    inbox.pull(options.limit, maxMessages)
    const seen = inbox.changes
    const changed = Effect.callback<true>((resume) => {
      const off = inbox.onChange(seen, () => resume(Effect.succeed(true)))
      return Effect.sync(off)
    })
    const change = yield* restore(Effect.timeoutOption(changed, inbox.patienceMillis))
    if (change._tag === "None") inbox.giveUp()
  }
})

/** What of the messages can be delivered; the rest is settled here, or put back. */
const prepare = (
  log: QueueLog,
  inbox: Inbox,
  messages: ReadonlyArray<Message>,
  options: TakeOptions
): Effect.Effect<ReadonlyArray<Leased>, EventQueueError> =>
  Effect.gen(function* () {
    if (messages.some(({ deliveries }) => deliveries > 1)) {
      yield* Effect.tryPromise({ try: () => log.ledger.refresh(), catch: (cause) => queueError("take", cause) })
    }
    const leased: Array<Leased> = []
    for (const message of messages) {
      const one = yield* prepareOne(log, inbox, message, options)
      if (one !== undefined) leased.push(one)
    }
    // The last attempt is made alone, so that a bad message takes no neighbour with it to the dead letters.
    const last = leased.find(({ attempt }) => attempt >= log.options.maxAttempts)
    if (last === undefined || leased.length === 1) return leased
    inbox.putBack(
      messages.filter(({ position }) => position !== last.position && leased.some((one) => one.position === position))
    )
    return [last]
  }).pipe(Effect.tapError(() => Effect.sync(() => inbox.letGo(messages))))

/** `undefined` when it is not to be delivered: settled, dead, or not ours. */
const prepareOne = Effect.fnUntraced(function* (log: QueueLog, inbox: Inbox, message: Message, options: TakeOptions) {
  const { label, position } = message
  const { state } = log.ledger
  if (label === undefined) {
    yield* keepBytes(log, message)
    yield* Effect.tryPromise({ try: () => recordEmpty(log, [position]), catch: (cause) => queueError("ack", cause) })
    inbox.terminate(message)
    return undefined
  }
  const known = { ...message, label }
  if (state.isSettled(position)) return yield* dismiss(log, inbox, message)
  const attempt = Math.max(1, message.deliveries - state.releases(position))
  const batch = decode(log, known)
  if (batch === undefined || attempt > log.options.maxAttempts) {
    return yield* buryOrPostpone(log, inbox, known, { reason: leaseExpired(attempt - 1), ...options })
  }
  const batches = state
    .dead(position)
    .missing(0, batch.count)
    .map(([start, end]) => batch.slice(start, end))
  if (batches.length === 0) {
    yield* recordSettled(log, [known])
    return yield* acknowledge(inbox, [message])
  }
  const leased: Leased = { ...known, attempt, batches }
  return leased
})

/** Settled: its acknowledgement was lost. Unless the stream is another by now, and the message comes again as a new one. */
const dismiss = Effect.fnUntraced(function* (log: QueueLog, inbox: Inbox, message: Message) {
  yield* Effect.tryPromise({ try: () => follow(log), catch: (cause) => queueError("take", cause) })
  if (positionIn(log, message.sequence) === message.position) return yield* acknowledge(inbox, [message])
  inbox.giveBack(message)
  return undefined
})

const leaseExpired = (attempts: number): DeadLetterReason => ({
  stage: "queue",
  code: "lease_expired",
  message: "no worker answered in time",
  attempts
})

const acknowledge = (inbox: Inbox, messages: ReadonlyArray<Message>): Effect.Effect<undefined, EventQueueError> =>
  Effect.tryPromise({
    try: () => inbox.acknowledge(messages, ANSWER_MILLIS).then(() => undefined),
    catch: (cause) => queueError("ack", cause)
  })

/** When the letters cannot be written the message waits for another try, and holds up no other. */
const buryOrPostpone = (
  log: QueueLog,
  inbox: Inbox,
  message: Message & Known,
  how: Pick<TakeOptions, "exhausted"> & { readonly reason: DeadLetterReason }
): Effect.Effect<undefined> =>
  bury(log, message, how.reason, how).pipe(
    Effect.andThen(acknowledge(inbox, [message])),
    Effect.catch((error) => {
      inbox.giveBack(message, MAX_BACKOFF_MILLIS)
      return Effect.as(Effect.logError("dead letters cannot be written", error), undefined)
    })
  )

/** A failure here costs a redelivery, never an event: what is not acknowledged comes again. */
const settle = (log: QueueLog, inbox: Inbox, lease: Lease, exit: Exit.Exit<unknown, unknown>) =>
  Effect.gen(function* () {
    if (Exit.isSuccess(exit)) {
      // Also when the lease has run out: the events are stored, whoever holds the messages now.
      yield* recordSettled(log, lease.messages)
      yield* acknowledge(inbox, lease.messages)
    } else if (!lease.expired) {
      lease.expired = true
      if (Cause.hasInterruptsOnly(exit.cause)) yield* release(log, inbox, lease.messages)
      else yield* fail(log, inbox, lease, { code: "attempts_exhausted", message: messageOf(exit.cause), backoff: true })
    }
  }).pipe(
    Effect.ensuring(Effect.sync(() => inbox.letGo(lease.messages))),
    Effect.catchCause((cause) => Effect.logWarning("a delivery could not be settled and comes again", cause))
  )

const expire = (log: QueueLog, inbox: Inbox, lease: Lease) =>
  Effect.suspend(() => {
    if (lease.expired) return Effect.void
    lease.expired = true
    return fail(log, inbox, lease, { code: "lease_expired", message: "no answer in time", backoff: false })
  }).pipe(Effect.uninterruptible)

/** Back at once; not an attempt. */
export const release = (log: QueueLog, inbox: Inbox, messages: ReadonlyArray<Message>) =>
  Effect.tryPromise({
    try: () => log.ledger.append({ _tag: "Released", positions: messages.map(({ position }) => position) }),
    catch: (cause) => queueError("ack", cause)
  }).pipe(Effect.ensuring(Effect.sync(() => messages.forEach((message) => inbox.giveBack(message)))))

const fail = Effect.fnUntraced(function* (
  log: QueueLog,
  inbox: Inbox,
  { messages, options }: Lease,
  why: { readonly code: string; readonly message: string; readonly backoff: boolean }
) {
  const { backoffMillis, maxAttempts } = log.options
  for (const message of messages) {
    const { attempt } = message
    const jitter = yield* Random.next
    if (attempt < maxAttempts) {
      const backoff = Math.min(MAX_BACKOFF_MILLIS, backoffMillis * 2 ** (attempt - 1)) * (0.5 + jitter / 2)
      inbox.giveBack(message, why.backoff ? backoff : 0)
      continue
    }
    const reason = { stage: "queue", code: why.code, message: why.message, attempts: attempt } as const
    yield* buryOrPostpone(log, inbox, message, { reason, ...options })
  }
})

const messageOf = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  return (error instanceof Error ? error.message : String(error)).slice(0, MESSAGE_LENGTH)
}
