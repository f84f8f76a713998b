import { Context, Effect, Layer } from "effect"
import type { Event } from "../event/Event.ts"
import { EventBatch } from "../event/EventBatch.ts"
import { Tombstones } from "../event/Tombstones.ts"
import { opaqueNames } from "./QueueState.ts"
import { StoreErasure } from "../port/Erasure.ts"
import { EventStore } from "../port/EventStore.ts"
import { StoreLedger, type InFlight } from "../port/Ledger.ts"
import type { StoreServices } from "../port/services.ts"

interface Row {
  readonly position: number
  readonly event: Event
  readonly duplicate: boolean
}

const identity = (event: Event) => `${event.event_id}/${event.project_id}`

/** What was taken of one queue message. */
interface Consumed {
  readonly log: string
  readonly position: number
  readonly project_id: string
  readonly offsets: Set<number>
}

/** An {@link EventStore} in memory; identities stay for ever, events until they are pruned. */
export const layerMemoryStore: Layer.Layer<StoreServices> = Layer.effectContext(Effect.sync(() => make()))

const make = (): Context.Context<StoreServices> => {
  const known = new Set<string>()
  const consumed = new Map<string, Consumed>()
  let rows: ReadonlyArray<Row> = []
  let last = 0
  const tombstones = new Tombstones(opaqueNames())
  const after = (cursor: string) => rows.filter((row) => row.position > Number(cursor))
  const store: EventStore["Service"] = {
    append: (batches) =>
      Effect.sync(() => {
        const added = batches
          .flatMap((batch) => freshOf(consumed, batch))
          .map((taken): Row => {
            const event = tombstones.hideErasedEvent(taken)
            const duplicate = known.has(identity(event))
            known.add(identity(event))
            return { position: ++last, event, duplicate }
          })
        rows = [...rows, ...added]
        const duplicates = added.filter((row) => row.duplicate).length
        return { stored: added.length - duplicates, duplicates }
      }),
    replay: (options) =>
      Effect.sync(() => {
        const rest = after(options.after)
        const page = rest.slice(0, options.limit)
        return {
          batches: EventBatch.group(page.filter((row) => !row.duplicate).map((row) => row.event)),
          cursor: String(page.at(-1)?.position ?? options.after),
          duplicates: tally(page.filter((row) => row.duplicate)),
          caughtUp: page.length === rest.length
        }
      }),
    prune: ({ upTo }) =>
      Effect.sync(() => {
        rows = after(upTo)
      })
  }
  const ledger: StoreLedger["Service"] = {
    unstored: (batch) =>
      Effect.sync(() => {
        const { log, offset = 0, position } = batch.origin ?? {}
        const taken = consumed.get(`${position}/${log}`)?.offsets
        return Array.from({ length: batch.count }, (_, index) => index)
          .filter((index) => taken?.has(offset + index) !== true)
          .map((index) => batch.slice(index, index + 1))
      }),
    backlog: (cursor, inFlight) =>
      Effect.sync(() => {
        const counts = { ...tally(after(cursor)) }
        for (const { offsets, project_id } of consumedIn(consumed, inFlight)) {
          counts[project_id] = (counts[project_id] ?? 0) - offsets.size
        }
        return counts
      })
  }
  const erasure: StoreErasure["Service"] = {
    erase: (given) =>
      Effect.sync(() => {
        tombstones.add(given)
        const events = rows.filter(({ event }) => tombstones.isErased(event)).length
        rows = rows.map((row) => ({ ...row, event: tombstones.hideErasedEvent(row.event) }))
        return [{ place: "store", events }]
      })
  }
  return Context.make(EventStore, store).pipe(Context.add(StoreLedger, ledger), Context.add(StoreErasure, erasure))
}

/** Notes the batch as taken; the events of a message that comes again are not taken twice. */
const freshOf = (consumed: Map<string, Consumed>, { events, origin, project_id }: EventBatch): ReadonlyArray<Event> => {
  if (origin === undefined) return events
  const { log, offset, position } = origin
  const key = `${position}/${log}`
  const message = consumed.get(key) ?? { log, position, project_id, offsets: new Set() }
  consumed.set(key, message)
  const fresh = events.filter((_, index) => !message.offsets.has(offset + index))
  for (let index = 0; index < events.length; index++) message.offsets.add(offset + index)
  return fresh
}

const consumedIn = (consumed: ReadonlyMap<string, Consumed>, inFlight: InFlight | undefined): ReadonlyArray<Consumed> =>
  [...consumed.values()].filter(
    ({ log, position }) =>
      log === inFlight?.log && inFlight.positions.some(([start, end]) => position >= start && position < end)
  )

const tally = (rows: ReadonlyArray<Row>): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const { event } of rows) counts[event.project_id] = (counts[event.project_id] ?? 0) + 1
  return counts
}
