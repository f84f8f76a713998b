import { Effect, References } from "effect"
import type { ByProject } from "../event/Event.ts"
import { EventQueue } from "../port/EventQueue.ts"
import { EventStore } from "../port/EventStore.ts"
import { Warehouse } from "../port/Warehouse.ts"

/** Where every accepted event of a project is. `difference` is 0, or something was lost or invented. */
export interface Ledger {
  /** Events durably in the queue since it was made, replayed dead letters included. */
  readonly accepted: number
  /** Counted in every answer. */
  readonly stored: number
  readonly duplicates: number
  /** Ever set aside; a replayed one was accepted a second time. */
  readonly dead_lettered: number
  readonly replayed: number
  /** Accepted, not yet in the warehouse. */
  readonly in_flight: number
  readonly difference: number
}

/**
 * `accepted = stored + duplicates + dead-lettered + in flight`. The warehouse is read first, with the cursor that its
 * counts belong to; the backlog is then counted from that cursor, so a load in between changes nothing.
 */
export const ledger = Effect.fn("ledger")(function* (project_id: string) {
  const queue = yield* EventQueue
  const store = yield* EventStore
  const { cursor, duplicates, stored } = yield* (yield* Warehouse).counts
  // In one tick where both are synchronous: an event acknowledged between them would be missing from either.
  const [counts, backlog] = yield* Effect.all([queue.counts, store.backlog(cursor)]).pipe(
    Effect.provideService(References.PreventSchedulerYield, true)
  )
  const of = (by: ByProject) => by[project_id] ?? 0
  const in_flight = of(counts.waiting) + of(backlog)
  const settled = of(stored) + of(duplicates) + of(counts.deadLettered)
  const entry: Ledger = {
    accepted: of(counts.accepted),
    stored: of(stored),
    duplicates: of(duplicates),
    dead_lettered: of(counts.deadLettered),
    replayed: of(counts.replayed),
    in_flight,
    difference: of(counts.accepted) - settled - in_flight
  }
  return entry
})
