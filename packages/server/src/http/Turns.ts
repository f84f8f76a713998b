import { Effect, Fiber, Semaphore } from "effect"
import { type Refusal, retryLater } from "./Refusal.ts"

/** Long work on all there is: one at a time. */
export interface Turns {
  /** Once begun it is carried through, whether the client waits or not. */
  readonly carryThrough: <A, E, R>(work: Effect.Effect<A, E, R>) => Effect.Effect<A, E | Refusal, R>
}

/** A client that gives up and asks again leaves its work behind, so what waits is bounded. */
const AT_MOST = 64
const RETRY_AFTER_SECONDS = 30
const busy = retryLater("overloaded", "Too many erasures and backups wait for their turn.", RETRY_AFTER_SECONDS)

/** `atMost`: the one under way and those that wait. */
export const makeTurns = (atMost = AT_MOST): Turns => {
  const turn = Semaphore.makeUnsafe(1)
  let inside = 0
  return {
    carryThrough: <A, E, R>(work: Effect.Effect<A, E, R>) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.suspend((): Effect.Effect<A, E | Refusal, R> => {
          if (inside >= atMost) return Effect.fail(busy)
          inside++
          const leave = Effect.sync(() => {
            inside--
          })
          const carried = Effect.ensuring(restore(turn.withPermit(work)), leave)
          return Effect.flatMap(Effect.forkDetach(carried), (fiber) => restore(Fiber.join(fiber)))
        })
      )
  }
}
