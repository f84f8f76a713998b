import { Effect, Semaphore } from "effect"

export type OnePerKey = (key: string) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/** One at a time of each key, and those of different keys at once. */
export const onePerKey = (): OnePerKey => {
  const locks = new Map<string, { readonly turn: Semaphore.Semaphore; inside: number }>()
  return (key) => (effect) =>
    Effect.acquireUseRelease(
      Effect.sync(() => {
        const lock = locks.get(key) ?? { turn: Semaphore.makeUnsafe(1), inside: 0 }
        locks.set(key, lock)
        lock.inside++
        return lock
      }),
      ({ turn }) => turn.withPermit(effect),
      (lock) => Effect.sync(() => void (--lock.inside === 0 && locks.delete(key)))
    )
}
