import {
  type EventBatch,
  EventStore,
  EventStoreError,
  type Page,
  StoreClaims,
  StoreErasure,
  StoreLedger,
  type StoreServices,
  Tally
} from "@millrace/core"
import { Context, Effect } from "effect"
import type { EmbeddedLog } from "./EmbeddedLog.ts"
import { makeClaims } from "./claims.ts"
import { sequenceOf } from "./cursor.ts"
import { storeError } from "./errors.ts"

/** What one page may pass over or hold, whatever its events' sizes. */
const PAGE_BYTES = 64 << 20

type Report = { stored: number; duplicates: number }

export type EmbeddedStore = StoreServices | StoreClaims

/** The log as the hot store of what was taken from it: nothing is written twice. */
export const makeStore = (log: EmbeddedLog): Context.Context<EmbeddedStore> => {
  const attempt = <A>(operation: EventStoreError["operation"], task: () => Promise<A>) =>
    Effect.tryPromise({
      try: task,
      catch: (cause) => (cause instanceof EventStoreError ? cause : storeError(operation, cause))
    })
  return Context.make(EventStore, {
    append: (batches) => attempt("append", () => append(log, batches)),
    replay: (options) => attempt("replay", () => replay(log, options)),
    prune: ({ upTo }) =>
      attempt("prune", async () => {
        const sequence = sequenceOf(upTo, "prune")
        await log.settleAll()
        await log.prune(sequence)
      })
  }).pipe(
    Context.add(StoreLedger, {
      // Acknowledging is storing here: what still waits was stored by nobody.
      unstored: (batch) => Effect.succeed([batch]),
      backlog: (after) =>
        Effect.try({
          try: () => log.index.backlog(sequenceOf(after, "backlog")).toRecord(),
          catch: (cause) => (cause instanceof EventStoreError ? cause : storeError("backlog", cause))
        })
    }),
    Context.add(StoreErasure, { erase: (erasure) => attempt("erase", () => log.erase(erasure)) }),
    Context.add(StoreClaims, makeClaims(log))
  )
}

const append = async (log: EmbeddedLog, batches: ReadonlyArray<EventBatch>): Promise<Report> => {
  const foreign = batches
    .filter((batch) => batch.origin?.log !== log.id)
    .map((batch) => log.tombstones.hideErased(batch))
  const own = batches.filter((batch) => batch.origin?.log === log.id)
  const report: Report = { stored: 0, duplicates: 0 }
  await log.settleAll()
  // What was taken from this log lies in it already; the acknowledgement that follows stores it.
  tell(log, own, report)
  if (foreign.length > 0) tell(log, await appendForeign(log, foreign), report)
  return report
}

/** The batches as they lie in the log, with their identities decided unless something before them still waits. */
const appendForeign = async (
  log: EmbeddedLog,
  batches: ReadonlyArray<EventBatch>
): Promise<ReadonlyArray<EventBatch>> => {
  const logged = await new Promise<ReadonlyArray<EventBatch>>((resolve, reject: (error: Error) => void) => {
    log.append(batches, true, (error, parts) => (error === undefined ? resolve(parts) : reject(error)))
  })
  await log.settleAll()
  return logged
}

/**
 * Which events are new. Where identity is not decided yet, because the record or an earlier one is not acknowledged,
 * this tells what it will be if none of those holds an id twice: a forecast, which `replay` puts right.
 */
const tell = (log: EmbeddedLog, batches: ReadonlyArray<EventBatch>, report: Report): void => {
  const { index } = log
  for (const { count, ids, origin, project_id } of batches) {
    const { offset, position } = origin!
    const decided = position <= index.settled
    const project = index.projects.number(project_id)
    for (let event = 0; event < count; event++) {
      const duplicate = decided ? index.isDuplicate(position, offset + event) : index.ids.has(project, ids, event * 16)
      report[duplicate ? "duplicates" : "stored"]++
    }
  }
}

const replay = async (log: EmbeddedLog, options: { readonly after: string; readonly limit: number }): Promise<Page> => {
  const { index } = log
  const from = Math.max(sequenceOf(options.after, "replay"), index.droppedUpTo)
  await log.settleAll()
  const to = Math.min(index.floor, index.settled)
  const batches: Array<EventBatch> = []
  const duplicates = new Tally()
  let at = from
  let events = 0
  let bytes = 0
  while (at < to && events < options.limit && bytes < PAGE_BYTES) {
    const records = await log.read(at + 1, to)
    if (records.length === 0) break
    for (const { batch, sequence } of records) {
      for (const [start, end] of index.runs(sequence, { duplicates: true })) {
        batches.push(batch.slice(start, end))
        events += end - start
      }
      duplicates.add(batch.project_id, index.duplicates(sequence))
      bytes += index.bytes(sequence)
      at = sequence
      if (events >= options.limit) break
    }
  }
  return pageOf(log, options.after, at, { batches, duplicates })
}

const pageOf = async (
  log: EmbeddedLog,
  after: string,
  at: number,
  found: { readonly batches: ReadonlyArray<EventBatch>; readonly duplicates: Tally }
): Promise<Page> => {
  const { batches, duplicates } = found
  // Whoever follows this cursor must never see these records wait in the queue again.
  await log.save(at)
  const empty = batches.length === 0 && duplicates.total === 0
  return {
    batches,
    cursor: empty ? after : String(at),
    duplicates: duplicates.toRecord(),
    caughtUp: log.index.backlog(at).total === 0
  }
}
