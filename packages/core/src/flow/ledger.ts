import { Effect, References } from "effect"
import type { ByProject } from "../event/Event.ts"
import { QueueLedger, StoreLedger, WarehouseLedger } from "../port/Ledger.ts"

/** Where every accepted event of a project is. `difference` is 0, or something was invented or has gone unseen. */
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
  /** Accepted, and gone: neither in the queue nor in the store, and nobody took it out that was to. */
  readonly lost: number
  readonly difference: number
}

/** Of every project, counted at one moment. */
export interface Ledgers {
  readonly of: (project_id: string) => Ledger
  /** Added up project by project: what one lacks does not make up for what another has too many. */
  readonly total: { readonly lost: number; readonly difference: number }
}

/**
 * `accepted = stored + duplicates + dead-lettered + in flight + lost`, whatever happens while it is read. The warehouse comes
 * first, with the cursor that its counts belong to; the store's backlog, read last, is counted from that cursor, so a load
 * in between changes nothing. The queue, in between, tells which messages it counts as waiting or does not know yet: what
 * the store took from those is left out of the backlog, so a commit without its acknowledgement changes nothing either.
 */
export const ledgers = Effect.gen(function* () {
  const queue = yield* QueueLedger
  const store = yield* StoreLedger
  const { cursor, duplicates, lost, stored } = yield* (yield* WarehouseLedger).counts
  // In one tick where both are synchronous: on one log, acknowledging is storing.
  const [counts, backlog] = yield* Effect.flatMap(queue.counts, (counted) =>
    Effect.map(store.backlog(cursor, counted.inFlight), (behind) => [counted, behind] as const)
  ).pipe(Effect.provideService(References.PreventSchedulerYield, true))
  const parts = [stored, duplicates, counts.deadLettered, counts.waiting, backlog, counts.lost, lost]
  const entryOf = (project_id: string): Ledger => {
    const of = (by: ByProject) => by[project_id] ?? 0
    return {
      accepted: of(counts.accepted),
      stored: of(stored),
      duplicates: of(duplicates),
      dead_lettered: of(counts.deadLettered),
      replayed: of(counts.replayed),
      in_flight: of(counts.waiting) + of(backlog),
      lost: of(counts.lost) + of(lost),
      difference: parts.reduce((rest, part) => rest - of(part), of(counts.accepted))
    }
  }
  const entries = [...new Set([counts.accepted, ...parts].flatMap(Object.keys))].map(entryOf)
  const read: Ledgers = {
    of: entryOf,
    total: {
      lost: entries.reduce((sum, entry) => sum + entry.lost, 0),
      difference: entries.reduce((sum, entry) => sum + Math.abs(entry.difference), 0)
    }
  }
  return read
}).pipe(Effect.withSpan("ledgers"))

export const ledger = Effect.fn("ledger")((project_id: string) => Effect.map(ledgers, ({ of }) => of(project_id)))
