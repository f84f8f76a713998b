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

/** Of every project, counted at one moment. */
export interface Ledgers {
  /** Of those that have any events. */
  readonly projects: ReadonlyArray<string>
  readonly of: (project_id: string) => Ledger
}

/**
 * `accepted = stored + duplicates + dead-lettered + in flight`, whatever happens while it is read. The warehouse comes
 * first, with the cursor that its counts belong to; the store's backlog, read last, is counted from that cursor, so a load
 * in between changes nothing. The queue, in between, tells which messages it counts as waiting or does not know yet: what
 * the store took from those is left out of the backlog, so a commit without its acknowledgement changes nothing either.
 */
export const ledgers = Effect.gen(function* () {
  const queue = yield* EventQueue
  const store = yield* EventStore
  const { cursor, duplicates, stored } = yield* (yield* Warehouse).counts
  // In one tick where both are synchronous: on one log, acknowledging is storing.
  const [counts, backlog] = yield* Effect.flatMap(queue.counts, (counted) =>
    Effect.map(store.backlog(cursor, counted.unsettled), (behind) => [counted, behind] as const)
  ).pipe(Effect.provideService(References.PreventSchedulerYield, true))
  const parts = [stored, duplicates, counts.deadLettered, counts.waiting, backlog]
  const read: Ledgers = {
    projects: [...new Set([counts.accepted, ...parts].flatMap(Object.keys))],
    of: (project_id) => {
      const of = (by: ByProject) => by[project_id] ?? 0
      return {
        accepted: of(counts.accepted),
        stored: of(stored),
        duplicates: of(duplicates),
        dead_lettered: of(counts.deadLettered),
        replayed: of(counts.replayed),
        in_flight: of(counts.waiting) + of(backlog),
        difference: parts.reduce((rest, part) => rest - of(part), of(counts.accepted))
      }
    }
  }
  return read
}).pipe(Effect.withSpan("ledgers"))

export const ledger = Effect.fn("ledger")((project_id: string) => Effect.map(ledgers, ({ of }) => of(project_id)))
