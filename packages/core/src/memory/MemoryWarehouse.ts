import { Context, Effect, Layer } from "effect"
import type { ByProject, Event } from "../event/Event.ts"
import { withUsers } from "../event/Identities.ts"
import { isRedacted } from "../event/redact.ts"
import { Tombstones } from "../event/Tombstones.ts"
import { opaqueNames } from "./QueueState.ts"
import { WarehouseErasure } from "../port/Erasure.ts"
import { WarehouseLedger } from "../port/Ledger.ts"
import type { WarehouseServices } from "../port/services.ts"
import { type HistoryPlace, Warehouse } from "../port/Warehouse.ts"

/** A {@link Warehouse} in memory, which answers with each metric's reference. */
export const layerMemoryWarehouse: Layer.Layer<WarehouseServices> = Layer.effectContext(Effect.sync(() => make()))

const make = (): Context.Context<WarehouseServices> => {
  const projects = new Map<string, Map<string, Event>>()
  // Cumulative, as the ledger needs them: an erased event was stored all the same.
  let stored: ByProject = {}
  let duplicates: ByProject = {}
  let lost: ByProject = {}
  const tombstones = new Tombstones(opaqueNames())
  let watermark = { cursor: "", as_of: 0 }
  const eventsOf = (project_id: string) => {
    const events = projects.get(project_id) ?? new Map<string, Event>()
    projects.set(project_id, events)
    return events
  }
  const warehouse: Warehouse["Service"] = {
    load: (page, as_of = watermark.as_of) =>
      Effect.sync(() => {
        const known = page.cursor === watermark.cursor
        const inserted: Record<string, number> = {}
        const repeated: Record<string, number> = {}
        for (const event of page.batches.flatMap((batch) => batch.events)) {
          const events = eventsOf(event.project_id)
          const tally = events.has(event.event_id) ? repeated : inserted
          tally[event.project_id] = (tally[event.project_id] ?? 0) + 1
          const gone = isRedacted(event) || tombstones.isErased(event)
          if (tally === inserted && !gone) events.set(event.event_id, event)
        }
        stored = plus(stored, inserted)
        if (!known) {
          duplicates = plus(plus(duplicates, repeated), page.duplicates)
          lost = plus(lost, page.lost ?? {})
        }
        watermark = { cursor: page.cursor, as_of }
        return { inserted: total(inserted), duplicates: total(repeated) }
      }),
    rehearse: () => Effect.void,
    watermark: Effect.sync(() => watermark),
    answer: (ask) => Effect.sync(() => ask.reference([...eventsOf(ask.project_id).values()])),
    person: ({ project_id, user_id }) =>
      Effect.sync(() => {
        const all = [...eventsOf(project_id).values()]
        const counted = withUsers(all)
        const theirs = all.filter((event, index) => event.user_id === user_id || counted[index]!.user_id === user_id)
        return {
          user_ids: [...new Set([user_id, ...theirs.map((event) => event.user_id)])],
          hash: tombstones.hash(project_id, user_id),
          latest: theirs.reduce((latest, { occurred_at }) => Math.max(latest, occurred_at), 0)
        }
      }),
    history: ({ project_id, user_ids }, { after, limit }) =>
      Effect.sync(() =>
        [...eventsOf(project_id).values()]
          .filter((event) => user_ids.includes(event.user_id))
          .toSorted(byAcceptance)
          .filter((event) => after === undefined || byAcceptance(event, after) > 0)
          .slice(0, limit)
      )
  }
  const ledger: WarehouseLedger["Service"] = {
    counts: Effect.sync(() => ({
      cursor: watermark.cursor,
      stored,
      duplicates,
      lost
    }))
  }
  const erasure: WarehouseErasure["Service"] = {
    erase: (given) =>
      Effect.sync(() => {
        tombstones.add(given)
        const events = eventsOf(given.project_id)
        const gone = [...events.values()].filter((event) => tombstones.isErased(event))
        for (const event of gone) events.delete(event.event_id)
        return gone.length
      })
  }
  return Context.make(Warehouse, warehouse).pipe(
    Context.add(WarehouseLedger, ledger),
    Context.add(WarehouseErasure, erasure)
  )
}

const byAcceptance = (left: HistoryPlace, right: HistoryPlace) =>
  left.received_at - right.received_at || (left.event_id < right.event_id ? -1 : Number(left.event_id > right.event_id))

const total = (counts: ByProject) => Object.values(counts).reduce((sum, count) => sum + count, 0)

const plus = (left: ByProject, right: ByProject): ByProject => {
  const sum: Record<string, number> = { ...left }
  for (const [project, count] of Object.entries(right)) sum[project] = (sum[project] ?? 0) + count
  return sum
}
