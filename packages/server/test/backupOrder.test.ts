import { randomUUID } from "node:crypto"
import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { type DeadLetterReason, DeadLetters, EventBatch, EventQueue, type QueueServices } from "@millrace/core"
import { DuckDb } from "@millrace/duckdb"
import { Embedded } from "@millrace/embedded"
import { Context, Effect, Exit, Layer, Scope } from "effect"
import { afterEach, expect, it } from "vitest"
import { createMillrace, restoreBackup } from "../src/index.ts"
import { backUpAround } from "./support/backups.ts"
import { temporaryDirectory } from "./support/server.ts"

const MILLIS = 120_000
const REASON: DeadLetterReason = { stage: "store", code: "Refused", message: "refused", attempts: 1 }
const TIMES = { occurred_at: 1_769_860_800_000_000, received_at: 1_769_860_800_000_000, skew_micros: 0 }

const undo: Array<() => Promise<void>> = []
afterEach(async () => {
  for (const step of undo.splice(0).toReversed()) await step()
})

/** Segments of a few events: what is loaded is deleted at once, unless somebody holds it. */
const openFolder = async (directory: string) => {
  const scope = await Effect.runPromise(Scope.make())
  const layers = Layer.merge(
    Embedded.layer({ directory: join(directory, "log"), segmentBytes: 4_096 }),
    DuckDb.layer({ path: join(directory, "warehouse.duckdb") })
  )
  const context = await Effect.runPromise(Layer.buildWithScope(layers, scope))
  undo.push(() => Effect.runPromise(Scope.close(scope, Exit.void)))
  return context
}

/** One event that was set aside before the pipeline began. */
const setAside = (context: Context.Context<QueueServices>) =>
  Effect.gen(function* () {
    const queue = yield* EventQueue
    const event = { project_id: "default", user_id: "letter", event_type: "visit", properties: "{}" }
    yield* queue.publish(EventBatch.fromEvents([{ ...event, ...TIMES, event_id: randomUUID() }]))
    yield* queue.take({ limit: 1, ackWaitMillis: 10_000 }).pipe(
      Effect.flatMap(({ batches }) => DeadLetters.use((letters) => letters.put(batches[0]!, REASON))),
      Effect.scoped
    )
  }).pipe(Effect.provideContext(context), Effect.runPromise)

const visits = (count: number) =>
  Array.from({ length: count }, () => ({
    event_id: randomUUID(),
    user_id: randomUUID(),
    event_type: "visit",
    occurred_at: "2026-01-31T12:00:00Z",
    properties: { filler: "x".repeat(300) }
  }))

const open = async (layer: Parameters<typeof createMillrace>[0]) => {
  const millrace = await createMillrace(layer)
  undo.push(() => millrace.close())
  return millrace
}

const newFolder = () => {
  const folder = temporaryDirectory()
  undo.push(async () => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A folder at work, and its backup with something done between the two copies. */
const openAtWork = async () => {
  const directory = newFolder()
  const context = await openFolder(directory)
  const letters = Context.get(context, DeadLetters)
  await setAside(context)
  const millrace = await open({ layer: Layer.succeedContext(context) })
  const backUp = (target: string, between: Effect.Effect<void>) => backUpAround(context, { directory, target }, between)
  return { directory, letters, millrace, backUp }
}

it(
  "what is accepted, loaded, pruned and replayed between the two copies is in the backup once",
  async () => {
    const { backUp, directory, letters, millrace } = await openAtWork()
    const before = visits(100)
    const between = visits(100)
    await millrace.ingest(before)
    await millrace.flush()
    expect(await millrace.ledger()).toMatchObject({ accepted: 101, stored: 100, dead_lettered: 1 })

    const target = join(newFolder(), "backup")
    let live: unknown
    const work = async () => {
      await millrace.ingest(between)
      await Effect.runPromise(letters.replay("all"))
      await millrace.flush()
      live = await millrace.ledger()
    }
    await Effect.runPromise(backUp(target, Effect.promise(work)))
    await millrace.ingest(visits(1))
    await millrace.flush()
    // The hold is over: what is loaded goes again.
    expect(readdirSync(join(directory, "log", "log")).length).toBeLessThan(5)

    const restored = join(newFolder(), "data")
    await Effect.runPromise(restoreBackup({ backup: target, directory: restored }))
    const again = await open({ directory: restored })
    await again.flush()
    const ledger = await again.ledger()
    expect(ledger).toEqual(live)
    expect(ledger).toMatchObject({ stored: 201, in_flight: 0, difference: 0 })
    await again.ingest([...before, ...between])
    await again.flush()
    expect(await again.ledger()).toMatchObject({ stored: 201, duplicates: ledger.duplicates + 200, difference: 0 })
  },
  MILLIS
)

it(
  "of a backup that fails nothing is left, and the folder works on",
  async () => {
    const { backUp, millrace } = await openAtWork()
    await millrace.ingest(visits(10))
    const target = join(newFolder(), "backup")
    const inTheWay = Effect.sync(() => writeFileSync(join(target, "log"), ""))
    expect(await Effect.runPromise(Effect.flip(backUp(target, inTheWay)))).toMatchObject({
      _tag: "BackupError",
      reason: "Failed"
    })
    expect(existsSync(target)).toBe(false)
    await millrace.ingest(visits(10))
    await millrace.flush()
    expect(await millrace.ledger()).toMatchObject({ accepted: 21, stored: 20, difference: 0 })
    await Effect.runPromise(backUp(target, Effect.void))
    expect(existsSync(join(target, "manifest.json"))).toBe(true)
  },
  MILLIS
)
