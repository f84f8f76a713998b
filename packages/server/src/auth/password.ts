import { randomBytes } from "node:crypto"
import { Data, Effect, Semaphore } from "effect"

/** Argon2id's costs. */
interface Argon2Costs {
  readonly memoryKibibytes: number
  readonly passes: number
  readonly parallelism: number
}

/** The second of OWASP's equivalent choices: 19 MiB, two passes. */
export const argon2Costs: Argon2Costs = { memoryKibibytes: 19_456, passes: 2, parallelism: 1 }

export const MIN_PASSWORD_CHARACTERS = 12
export const MAX_PASSWORD_CHARACTERS = 256

const PHC = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,2}),p=(\d{1,2})\$[\w+/]{11,86}\$[\w+/]{22,86}$/u

/**
 * What a PHC string (`$argon2id$v=19$m=19456,t=2,p=1$<salt>$<tag>`) costs to check; `undefined` for anything else, also for
 * costs that would be a lever on this machine.
 */
export const costsOf = (hash: string): Argon2Costs | undefined => {
  const [, m, t, p] = PHC.exec(hash) ?? []
  const costs = { memoryKibibytes: Number(m), passes: Number(t), parallelism: Number(p) }
  const fits =
    costs.parallelism >= 1 &&
    costs.passes >= 1 &&
    costs.memoryKibibytes >= 8 * costs.parallelism &&
    costs.memoryKibibytes * costs.passes <= MAX_WORK_KIBIBYTES
  return fits ? costs : undefined
}

/** 16 times of what a hash costs by default. */
const MAX_WORK_KIBIBYTES = 16 * 19_456 * 2

/** One spelling for what looks the same on every keyboard. */
const bytesOf = (password: string) => Buffer.from(password.normalize("NFKC"))

/** A native addon, so that it is loaded where somebody logs in and nowhere else; it works on libuv's threads. */
const addon = () => import("@node-rs/argon2")

/** A PHC string with a salt of its own. */
export const hashPassword = async (password: string, costs: Argon2Costs = argon2Costs): Promise<string> => {
  const { hash } = await addon()
  const { memoryKibibytes, parallelism, passes } = costs
  return hash(bytesOf(password), { memoryCost: memoryKibibytes, timeCost: passes, parallelism })
}

export const isPassword = async (password: string, hash: string): Promise<boolean> => {
  const { verify } = await addon()
  return verify(hash, bytesOf(password))
}

/** A hash that no password has, at today's costs: for accounts that are not there, so that they cost the same. */
export const nobodysHash = (): string => {
  const { memoryKibibytes, parallelism, passes } = argon2Costs
  const [salt, tag] = [16, 32].map((bytes) => randomBytes(bytes).toString("base64").replace(/=+$/u, ""))
  return `$argon2id$v=19$m=${memoryKibibytes},t=${passes},p=${parallelism}$${salt}$${tag}`
}

/** Was it made with other costs than today's? */
const isStale = ({ memoryKibibytes, parallelism, passes }: Argon2Costs): boolean =>
  memoryKibibytes !== argon2Costs.memoryKibibytes ||
  passes !== argon2Costs.passes ||
  parallelism !== argon2Costs.parallelism

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
