import { randomOf } from "@millrace/test-services"
import type { Promises } from "./Disk.ts"
import type { Fault } from "./World.ts"

/** How a life ends. `power`: what was not synced is at risk. `kill`: the process alone is gone. `close`: it ends its work. */
type End = "power" | "kill" | "close"

export interface LifePlan {
  readonly end: End
  /** After so many steps. */
  readonly steps: number
  /** Or a little later, when the next sync is due: what was written for it is all at risk. */
  readonly before: "step" | "sync"
  readonly faults: ReadonlyArray<Fault>
  readonly clients: number
  /** Sent by each client. */
  readonly batches: number
  /** Also: dead letters are replayed and purged, API keys made and revoked, a user erased. */
  readonly roles: ReadonlyArray<Role>
}

const ROLES = ["poison", "operator", "keys", "eraser"] as const
type Role = (typeof ROLES)[number]

/** All that a seed decides beforehand; the rest follows from it. */
export interface Plan {
  readonly seed: number
  readonly promises: Promises
  readonly segmentBytes: number
  /** Every event is as long as any other: then what was written in place of something else ends where that ended. */
  readonly evenly: boolean
  readonly lives: ReadonlyArray<LifePlan>
}

const ENDS: ReadonlyArray<End> = ["power", "power", "kill", "close"]
/** Steps that a start takes, and a few more. */
const START_STEPS = 60
const LONG_STEPS = 300
const FAULTY_CALLS = 250

export const planOf = (seed: number): Plan => {
  const random = randomOf(seed)
  const life = (): LifePlan => ({
    end: random.pick(ENDS),
    steps: random.between(1, random.chance(0.3) ? START_STEPS : LONG_STEPS),
    before: random.pick(["step", "sync"] as const),
    faults: random.chance(0.3)
      ? Array.from({ length: random.between(1, 2) }, () => ({
          at: random.between(1, FAULTY_CALLS),
          of: random.pick(["any", "sync"] as const),
          code: random.pick(["EIO", "ENOSPC"] as const)
        }))
      : [],
    clients: random.between(0, 3),
    batches: random.between(1, 6),
    roles: ROLES.filter(() => random.chance(0.3))
  })
  return {
    seed,
    promises: random.pick(["journal", "ordered", "strict"] as const),
    segmentBytes: random.pick([4096, 4096, 8192, 32_768]),
    evenly: random.chance(0.3),
    lives: Array.from({ length: random.between(1, 4) }, life)
  }
}

/** Smaller plans that may fail as well, the smallest first. */
export function* smallerThan(plan: Plan): Generator<Plan> {
  const { lives } = plan
  const withLife = (index: number, change: Partial<LifePlan>): Plan => ({
    ...plan,
    lives: lives.map((life, other) => (other === index ? { ...life, ...change } : life))
  })
  if (lives.length > 1) for (const [index] of lives.entries()) yield { ...plan, lives: lives.toSpliced(index, 1) }
  for (const [index, { batches, clients, faults, roles, steps }] of lives.entries()) {
    if (faults.length > 0) yield withLife(index, { faults: faults.slice(1) })
    for (const role of roles) yield withLife(index, { roles: roles.filter((other) => other !== role) })
    if (clients > 0) yield withLife(index, { clients: clients - 1 })
    if (batches > 1) yield withLife(index, { batches: batches - 1 })
    for (const fewer of [steps >>> 1, steps - 1]) if (fewer > 0) yield withLife(index, { steps: fewer })
  }
}
