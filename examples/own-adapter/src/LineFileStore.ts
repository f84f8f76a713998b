import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import {
  type ByProject,
  type Event,
  EventBatch,
  EventStore,
  EventStoreError,
  StoreErasure,
  StoreLedger,
  type StoreServices,
  StoreUnavailable,
  type Tombstone,
  Tombstones
} from "@millrace/core"
import { keyedHash, newHashKey } from "@millrace/core/node"
import { Context, Effect, Layer } from "effect"

interface Line {
  readonly event: Event
  readonly duplicate: boolean
}

const identity = ({ event_id, project_id }: Event) => `${event_id} ${project_id}`

const unavailable = (operation: EventStoreError["operation"]) => (cause: unknown) =>
  new EventStoreError({ operation, reason: new StoreUnavailable({ cause }) })

/**
 * An event store of one's own: one JSON line an event in one file, an index in memory. Small on purpose: what makes it an
 * adapter is that it keeps the port's laws, which `test/contract.test.ts` checks with millrace's own suite.
 */
export const layerLineFile = (path: string): Layer.Layer<StoreServices, EventStoreError> =>
  Layer.effectContext(Effect.try({ try: () => make(path, readLines(path)), catch: unavailable("open") }))

const readLines = (path: string): Array<Line> =>
  existsSync(path)
    ? readFileSync(path, "utf8")
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line) as Line)
    : []

/** Who was erased, and the key that hides them. */
interface Erased {
  readonly key: string
  readonly tombstones: ReadonlyArray<Tombstone>
}

const readErased = (path: string): Erased =>
  existsSync(`${path}.erased`)
    ? (JSON.parse(readFileSync(`${path}.erased`, "utf8")) as Erased)
    : { key: Buffer.from(newHashKey()).toString("hex"), tombstones: [] }

/** The old file, or the new one. */
const replaceFile = (path: string, text: string) => {
  writeFileSync(`${path}.new`, text, { flush: true })
  renameSync(`${path}.new`, path)
}

const linesOf = (lines: ReadonlyArray<Line>) => lines.map((line) => `${JSON.stringify(line)}\n`).join("")

const make = (path: string, lines: Array<Line>): Context.Context<StoreServices> => {
  const erased = readErased(path)
  const tombstones = new Tombstones(keyedHash(Buffer.from(erased.key, "hex")), erased.tombstones)
  const known = new Set(lines.map((line) => identity(line.event)))
  const judged = (event: Event): Line => {
    const duplicate = known.has(identity(event))
    known.add(identity(event))
    return { event, duplicate }
  }
  const after = (cursor: string) => lines.slice(Number(cursor))
  return Context.make(EventStore, {
    append: (batches) =>
      Effect.try({
        try: () => {
          const added = batches.flatMap((batch) => tombstones.hideErased(batch).events).map(judged)
          appendFileSync(path, linesOf(added), { flush: true })
          lines.push(...added)
          const duplicates = added.filter((line) => line.duplicate).length
          return { stored: added.length - duplicates, duplicates }
        },
        catch: unavailable("append")
      }),
    replay: (options) =>
      Effect.sync(() => {
        const page = after(options.after).slice(0, options.limit)
        const end = Number(options.after) + page.length
        return {
          batches: EventBatch.group(page.filter((line) => !line.duplicate).map((line) => line.event)),
          cursor: page.length === 0 ? options.after : String(end),
          duplicates: tally(page.filter((line) => line.duplicate)),
          caughtUp: end >= lines.length
        }
      }),
    // The file is the archive as well: it keeps everything.
    prune: () => Effect.void
  }).pipe(
    Context.add(StoreLedger, {
      // It does not know which message an event came in; sent again, it is a duplicate.
      unstored: (batch) => Effect.succeed([batch]),
      backlog: (cursor) => Effect.sync(() => tally(after(cursor)))
    }),
    Context.add(StoreErasure, {
      erase: (erasure) =>
        Effect.try({
          try: () => {
            tombstones.add(erasure)
            replaceFile(
              `${path}.erased`,
              JSON.stringify({ key: erased.key, tombstones: tombstones.all } satisfies Erased)
            )
            const events = lines.filter(({ event }) => tombstones.isErased(event)).length
            lines = lines.map((line) => ({ ...line, event: tombstones.hideErasedEvent(line.event) }))
            replaceFile(path, linesOf(lines))
            return [{ place: "store" as const, events }]
          },
          catch: unavailable("erase")
        })
    })
  )
}

const tally = (lines: ReadonlyArray<Line>): ByProject => {
  const counts: Record<string, number> = {}
  for (const { event } of lines) counts[event.project_id] = (counts[event.project_id] ?? 0) + 1
  return counts
}
