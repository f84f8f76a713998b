import { assert, describe, it } from "@effect/vitest"
import {
  type StoreServices,
  type QueueServices,
  type WarehouseServices,
  DeadLetters,
  WarehouseLedger,
  type EventBatch,
  EventStore,
  makeLoadAhead,
  OutOfMemory,
  Warehouse,
  WarehouseError
} from "@millrace/core"
import { batchOf, idOf, layerMemoryQueue, layerMemoryStore, layerMemoryWarehouse } from "../../testing/src/index.ts"
import { Effect, Layer } from "effect"

/** Memory for so many rows at once, and never for some. */
interface Memory {
  rows: number
  readonly huge: ReadonlySet<string>
}

const shortOfMemory = (memory: Memory, sizes: Array<number>) =>
  Layer.effect(
    Warehouse,
    Effect.map(Warehouse, (real) => {
      const check = (batches: ReadonlyArray<EventBatch>) => {
        const events = batches.flatMap((batch) => batch.events)
        const fits = events.length <= memory.rows && !events.some(({ event_id }) => memory.huge.has(event_id))
        const reason = new OutOfMemory({ cause: "by the test" })
        return fits ? Effect.void : Effect.fail(new WarehouseError({ operation: "load", reason }))
      }
      return Warehouse.of({
        ...real,
        rehearse: (batches) => Effect.andThen(check(batches), real.rehearse(batches)),
        load: (page, as_of) => {
          sizes.push(page.batches.reduce((sum, { count }) => sum + count, 0))
          return Effect.andThen(check(page.batches), real.load(page, as_of))
        }
      })
    })
  ).pipe(Layer.provideMerge(layerMemoryWarehouse))

const run = <A, E>(
  memory: Memory,
  body: (sizes: ReadonlyArray<number>) => Effect.Effect<A, E, QueueServices | StoreServices | WarehouseServices>
) => {
  const sizes: Array<number> = []
  return Effect.provide(body(sizes), Layer.mergeAll(layerMemoryQueue(), layerMemoryStore, shortOfMemory(memory, sizes)))
}

const EVENTS = 64
const fill = Effect.flatMap(EventStore, (store) =>
  store.append(Array.from({ length: EVENTS }, (_, number) => batchOf(number, 1)))
)

describe("a page that there is no memory for", () => {
  it.live("is halved until it fits, nothing is set aside; with memory again pages grow again", () => {
    const memory: Memory = { rows: 5, huge: new Set() }
    return run(memory, (sizes) =>
      Effect.gen(function* () {
        yield* fill
        const loadNext = yield* makeLoadAhead({ limit: EVENTS })
        while ((yield* (yield* WarehouseLedger).counts).stored["default"] !== EVENTS) {
          yield* loadNext
          // Half of all is loaded: the memory is back.
          if (((yield* (yield* WarehouseLedger).counts).stored["default"] ?? 0) >= EVENTS / 2) memory.rows = EVENTS
        }
        assert.deepStrictEqual(sizes.slice(0, 5), [64, 32, 16, 8, 4])
        assert.isAbove(Math.max(...sizes.slice(5)), 5)
        assert.deepStrictEqual(yield* (yield* DeadLetters).list({ limit: 10 }), [])
      }).pipe(Effect.scoped)
    )
  })
  it.live("is set aside once it is one event, alone, time after time; its neighbours are loaded", () =>
    run({ rows: EVENTS, huge: new Set([idOf(7)]) }, () =>
      Effect.gen(function* () {
        yield* fill
        const loadNext = yield* makeLoadAhead({ limit: EVENTS })
        let failures = 0
        while ((yield* (yield* WarehouseLedger).counts).stored["default"] !== EVENTS - 1) {
          const result = yield* Effect.result(loadNext)
          if (result._tag === "Failure") failures++
        }
        assert.strictEqual(failures, 3)
        const letters = yield* (yield* DeadLetters).list({ limit: 10 })
        assert.deepStrictEqual(
          letters.map(({ event, reason }) => [event.event_id, reason.code]),
          [[idOf(7), "OutOfMemory"]]
        )
      }).pipe(Effect.scoped)
    )
  )
})
