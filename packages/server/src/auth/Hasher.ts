import { Data, Effect, Semaphore } from "effect"
import { argon2Costs, costsOf, hashPassword, isPassword, isStale, nobodysHash } from "./password.ts"

/** More are waiting than may wait. */
export class HasherBusy extends Data.TaggedError("HasherBusy")<{}> {}

/** Hashes under way: half of libuv's threads, so that files and questions always have the others; 19 MiB each. */
const UNDER_WAY = 2
/** About a second's work. */
const WAITING = 30

interface Checked {
  readonly right: boolean
  /** To be made anew, with today's costs. */
  readonly stale: boolean
}

/** Slow hashes are a lever on CPU and memory, so their number is bounded whoever asks. */
export interface Hasher {
  readonly hash: (password: string) => Effect.Effect<string, HasherBusy>
  /** `stored` of an account that is not there is `undefined`, and takes as long. */
  readonly check: (password: string, stored: string | undefined) => Effect.Effect<Checked, HasherBusy>
}

export const makeHasher = (underWay = UNDER_WAY, waiting = WAITING): Hasher => {
  const permits = Semaphore.makeUnsafe(underWay)
  const nobody = nobodysHash()
  let inside = 0
  // Not to be interrupted: the thread works on when the client goes, and another must not begin meanwhile.
  const bounded = <A>(work: () => Promise<A>): Effect.Effect<A, HasherBusy> =>
    Effect.suspend(() => {
      if (inside >= underWay + waiting) return Effect.fail(new HasherBusy())
      inside++
      const leave = Effect.sync(() => {
        inside--
      })
      return Effect.ensuring(permits.withPermits(1)(Effect.uninterruptible(Effect.promise(work))), leave)
    })
  return {
    hash: (password) => bounded(() => hashPassword(password)),
    check: (password, stored) => {
      const costs = stored === undefined ? undefined : costsOf(stored)
      const hash = stored === undefined || costs === undefined ? nobody : stored
      return Effect.map(
        bounded(() => isPassword(password, hash)),
        (right) => ({ right: right && costs !== undefined, stale: isStale(costs ?? argon2Costs) })
      )
    }
  }
}
