import {
  type StoreServices,
  type QueueServices,
  type WarehouseServices,
  EventQueue,
  EventStoreError,
  ledger,
  Pipeline,
  query,
  type ReconcileChoice,
  reconcileStore,
  StoreMismatch
} from "@millrace/core"
import { batchOf } from "@millrace/testing"
import { Effect, Layer } from "effect"
import { cpSync, rmSync } from "node:fs"
import { checkStore } from "../../src/adapters/roles.ts"

type Services = QueueServices | StoreServices | WarehouseServices

/** The adapters over one folder, as `adapters` opens them. */
export type Open = (folder: string) => Layer.Layer<Services, unknown>

const OPTIONS = { loadIntervalMillis: 5 }

/** One life of a server over a folder, started as servers are. */
export const live = <A>(opened: Layer.Layer<Services, unknown>, body: Effect.Effect<A, unknown, Services | Pipeline>) =>
  Effect.runPromise(
    body.pipe(
      Effect.provide(
        Pipeline.layer({ ...OPTIONS, loops: ["drain", "load"] }).pipe(
          Layer.provideMerge(Layer.provideMerge(checkStore, opened))
        )
      )
    )
  )

export const flush = Effect.flatMap(Pipeline, (pipeline) => pipeline.flush)

/** Events `from`, …: acknowledged, not yet loaded. */
export const publish = (from: number, count: number) =>
  Effect.flatMap(EventQueue, (queue) => queue.publish(batchOf(from, count)))

/** Published, loaded and counted. */
export const fill = (from: number, count: number) => Effect.andThen(publish(from, count), flush)

/** What the ledger says, and what answers count. */
export const counted = Effect.gen(function* () {
  yield* flush
  const { accepted, difference, duplicates, lost, stored } = yield* ledger("default")
  const { rows } = yield* query({
    metric: "top-events",
    project_id: "default",
    params: { from: "2026-01-01", to: "2026-01-02" }
  })
  return { accepted, difference, duplicates, lost, stored, events: rows.reduce((sum, { events }) => sum + events, 0) }
})

/** What a start is refused with, or what the promise gave. */
export const problemOf = async (start: Promise<unknown>): Promise<unknown> =>
  start.then(
    (value) => value,
    (error: unknown) =>
      error instanceof EventStoreError && error.reason instanceof StoreMismatch ? error.reason.problem : error
  )

const NOTHING: ReconcileChoice = { reload: false, skip: false, takeOver: false }

export const reconciled = (opened: Layer.Layer<Services, unknown>, choice: Partial<ReconcileChoice>) =>
  Effect.runPromise(Effect.provide(reconcileStore({ ...NOTHING, ...choice }), opened))

/** A folder's own copy in its place. */
export const copyFolder = (from: string, to: string) => {
  rmSync(to, { recursive: true, force: true })
  cpSync(from, to, { recursive: true })
}
