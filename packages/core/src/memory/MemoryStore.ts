import { Effect, Layer } from "effect"
import type { ByProject, Event } from "../event/Event.ts"
import { EventBatch } from "../event/EventBatch.ts"
import { EventStore } from "../port/EventStore.ts"

interface Row {
  readonly position: number
  readonly event: Event
  readonly duplicate: boolean
}

const identity = (event: Event) => `${event.event_id}/${event.project_id}`

/** An {@link EventStore} in memory; identities stay for ever, events until they are pruned. */
export const layerMemoryStore: Layer.Layer<EventStore> = Layer.sync(EventStore, () => {
  const known = new Set<string>()
  let rows: ReadonlyArray<Row> = []
  let last = 0
  const after = (cursor: string) => rows.filter((row) => row.position > Number(cursor))
  return EventStore.of({
    append: (batches) =>
      Effect.sync(() => {
        const added = batches
          .flatMap((batch) => batch.events)
          .map((event): Row => {
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
    backlog: (cursor) => Effect.sync(() => tally(after(cursor))),
    prune: ({ upTo }) =>
      Effect.sync(() => {
        rows = after(upTo)
      })
  })
})

const tally = (rows: ReadonlyArray<Row>): ByProject => {
  const counts: Record<string, number> = {}
  for (const { event } of rows) counts[event.project_id] = (counts[event.project_id] ?? 0) + 1
  return counts
}
