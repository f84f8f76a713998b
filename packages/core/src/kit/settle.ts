import { Cause, Effect, Exit, Random } from "effect"
import type { DeadLetterReason } from "../port/EventQueue.ts"

/** Before another try, at the most; and before one at dead letters that cannot be written. */
export const MAX_BACKOFF_MILLIS = 30_000
const MESSAGE_LENGTH = 1_000

export interface AttemptLimits {
  /** Deliveries of one message before it is buried. */
  readonly maxAttempts: number
  /** Before the second attempt; doubles with each further one, up to 30 s, with jitter. */
  readonly backoffMillis: number
}

export interface Attempted {
  /** 1 on the first delivery that counts. */
  readonly attempt: number
}

/** What a queue does with a message that was delivered in vain. */
export interface Failing<M> {
  /** Delivers it again after the delay. */
  readonly retry: (message: M, delayMillis: number) => Effect.Effect<void>
  /** Its attempts are exhausted: hands it to the dead letters, and acknowledges it then. */
  readonly bury: (message: M, reason: DeadLetterReason) => Effect.Effect<void, unknown>
  /** It could not be buried: tries that again after the delay, and holds up no other message meanwhile. */
  readonly postpone: (message: M, delayMillis: number) => Effect.Effect<void>
}

/** Messages of one delivery, and what a queue does when that ends. */
export interface Lease<M extends Attempted, E> extends Failing<M> {
  readonly messages: ReadonlyArray<M>
  /** Ends the lease; false when it had ended before, and the messages went to somebody else or to the dead letters. */
  readonly end: () => boolean
  readonly acknowledge: Effect.Effect<void, E>
  /** Delivers them again at once; that was no attempt. */
  readonly release: Effect.Effect<void, E>
}

/** By how a delivery's scope was closed. */
export const settle = <M extends Attempted, E>(
  lease: Lease<M, E>,
  limits: AttemptLimits,
  exit: Exit.Exit<unknown, unknown>
): Effect.Effect<void, E> =>
  Effect.suspend(() => {
    const isHeld = lease.end()
    // Also when the lease has run out: the events are stored, whoever holds the messages now.
    if (Exit.isSuccess(exit)) return lease.acknowledge
    if (!isHeld) return Effect.void
    if (Cause.hasInterruptsOnly(exit.cause)) return lease.release
    return Effect.flatMap(Random.next, (jitter) =>
      fail(lease, limits, {
        code: "attempts_exhausted",
        message: messageOf(exit.cause),
        delayAfter: (attempt) => backoffAfter(attempt, limits, jitter)
      })
    )
  })

/** By the end of its time. */
export const expire = <M extends Attempted>(lease: Lease<M, unknown>, limits: AttemptLimits): Effect.Effect<void> =>
  Effect.suspend(() =>
    lease.end()
      ? fail(lease, limits, { code: "lease_expired", message: "no answer in time", delayAfter: () => 0 })
      : Effect.void
  )

interface Failure {
  readonly code: string
  readonly message: string
  readonly delayAfter: (attempt: number) => number
}

const fail = <M extends Attempted>(
  lease: Lease<M, unknown>,
  { maxAttempts }: AttemptLimits,
  { code, delayAfter, message }: Failure
): Effect.Effect<void> =>
  Effect.forEach(
    lease.messages,
    (one) =>
      one.attempt < maxAttempts
        ? lease.retry(one, delayAfter(one.attempt))
        : buryOrPostpone(lease, one, { stage: "queue", code, message, attempts: one.attempt }),
    { discard: true }
  )

export const buryOrPostpone = <M>(
  { bury, postpone }: Pick<Failing<M>, "bury" | "postpone">,
  message: M,
  reason: DeadLetterReason
): Effect.Effect<void> =>
  bury(message, reason).pipe(
    Effect.catch((error) =>
      Effect.andThen(Effect.logError("dead letters cannot be written", error), postpone(message, MAX_BACKOFF_MILLIS))
    )
  )

/** `jitter`: between 0 and 1, the same for all of a delivery, so that they come back together. */
const backoffAfter = (attempt: number, { backoffMillis }: AttemptLimits, jitter: number): number =>
  Math.min(MAX_BACKOFF_MILLIS, backoffMillis * 2 ** (attempt - 1)) * (0.5 + jitter / 2)

const messageOf = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  return (error instanceof Error ? error.message : String(error)).slice(0, MESSAGE_LENGTH)
}

/** The last attempt is made alone, so that a bad message takes no neighbour with it to the dead letters. */
export const lastAlone = <M extends Attempted>(
  messages: ReadonlyArray<M>,
  { maxAttempts }: Pick<AttemptLimits, "maxAttempts">
): ReadonlyArray<M> => {
  const last = messages.find(({ attempt }) => attempt >= maxAttempts)
  return last === undefined ? messages : [last]
}
