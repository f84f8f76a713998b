import { Effect } from "effect"
import type { ByProject } from "../event/Event.ts"
import type { WarehouseOrigin } from "../port/Claims.ts"
import { type Cursor, EventStoreError } from "../port/EventStore.ts"
import { QueueLedger, StoreLedger, WarehouseLedger } from "../port/Ledger.ts"
import { StoreMismatch } from "../port/StoreClaim.ts"
import { claimsAndOrigin, claimStore, type Tie } from "./belong.ts"

/** How to go on where store and warehouse do not belong together; the choice of whoever knows what happened. */
export interface ReconcileChoice {
  /** Load all that the store has: what the warehouse has already stays as it is, once. */
  readonly reload: boolean
  /** Go on where the store begins; what lies between is given up, and the ledger says how much. */
  readonly skip: boolean
  /** Fill this warehouse, and no other any more. */
  readonly takeOver: boolean
}

const CHOICES = {
  other_store: "reload",
  store_went_back: "reload",
  gap: "skip",
  other_warehouse: "takeOver",
  taken_over: "takeOver"
} as const satisfies Record<StoreMismatch["problem"], keyof ReconcileChoice>

export interface Reconciled {
  /** What was the matter, in the order in which it was resolved. */
  readonly resolved: ReadonlyArray<StoreMismatch["problem"]>
}

/**
 * Puts store and warehouse together as chosen, while nothing is loaded. Fails with the `StoreMismatch` that no choice covers;
 * what was resolved before it stays resolved, and the same call can be made again.
 */
export const reconcileStore = Effect.fn("reconcileStore")(function* (choice: ReconcileChoice) {
  const resolved: Array<StoreMismatch["problem"]> = []
  const tie = yield* claimsAndOrigin
  // Nothing to be put together.
  if (tie === undefined) return { resolved } satisfies Reconciled
  while (true) {
    const mismatch = yield* claimStore({ takeOver: resolved.includes("other_warehouse") }).pipe(
      Effect.as(undefined),
      Effect.catchIf(isMismatch, ({ reason }) => Effect.succeed(reason))
    )
    if (mismatch === undefined) return { resolved } satisfies Reconciled
    const needed = CHOICES[mismatch.problem]
    if (!choice[needed] || resolved.includes(mismatch.problem)) {
      return yield* new EventStoreError({ operation: "claim", reason: mismatch })
    }
    if (needed === "reload") yield* reload(tie, mismatch.problem, choice)
    if (needed === "skip") yield* skip(tie)
    resolved.push(mismatch.problem)
  }
})

/** For an erasure no other warehouse is in question any more. Its folder is gone, or the user was erased there as well. */
export const forgetWarehouse = Effect.fn("forgetWarehouse")(function* (id: string) {
  const tie = yield* claimsAndOrigin
  if (tie === undefined) return false
  const others = yield* tie.claims.others((yield* tie.origin.read).id)
  if (!others.includes(id)) return false
  yield* tie.claims.forget(id)
  return true
})

type Mismatched = EventStoreError & { readonly reason: StoreMismatch }

const isMismatch = (error: unknown): error is Mismatched =>
  error instanceof EventStoreError && error.reason instanceof StoreMismatch

const skip = Effect.fnUntraced(function* (tie: Tie) {
  const start = yield* tie.claims.start
  const { duplicates, lost, stored } = yield* (yield* WarehouseLedger).counts
  yield* goOn(tie, { cursor: start, lost: less(yield* prunedBefore(start), [stored, duplicates, lost]) })
})

const reload = Effect.fnUntraced(function* (tie: Tie, problem: StoreMismatch["problem"], choice: ReconcileChoice) {
  const start = yield* tie.claims.start
  // What this very store has pruned was loaded here before. What another one has was not, and is to be given up by name:
  // refused before anything is changed, so that the right store can still be put back.
  const isForeign = problem === "other_store"
  if (isForeign && start !== "" && !choice.skip) {
    const detail = `the other store begins behind ${start}; --reload with --skip gives up what lies before`
    return yield* new EventStoreError({ operation: "claim", reason: new StoreMismatch({ problem: "gap", detail }) })
  }
  yield* goOn(tie, isForeign ? { cursor: "", counted: {} } : { cursor: start, counted: yield* prunedBefore(start) })
})

const goOn = Effect.fnUntraced(function* (
  { claims, origin }: Tie,
  to: Parameters<WarehouseOrigin["Service"]["restart"]>[0]
) {
  yield* origin.restart(to)
  yield* origin.bind(undefined)
  yield* claims.reset({ id: (yield* origin.read).id, cursor: to.cursor })
})

/** Accepted events that the store has freed: neither waiting, nor set aside, nor behind its first place. */
const prunedBefore = Effect.fnUntraced(function* (start: Cursor) {
  const { accepted, deadLettered, lost, inFlight, waiting } = yield* (yield* QueueLedger).counts
  const backlog = yield* (yield* StoreLedger).backlog(start, inFlight)
  return less(accepted, [deadLettered, lost, waiting, backlog])
})

const less = (all: ByProject, parts: ReadonlyArray<ByProject>): ByProject =>
  Object.fromEntries(
    Object.entries(all)
      .map(([project, count]) => [project, parts.reduce((rest, part) => rest - (part[project] ?? 0), count)] as const)
      .filter(([, count]) => count > 0)
  )
