import { assert, describe, it } from "@effect/vitest"
import { QueueLedger, WarehouseLedger, EventQueue, EventStore, ledger, load } from "@millrace/core"
import { batchOf, layerMemoryQueue, layerMemoryStore, layerMemoryWarehouse } from "../../testing/src/index.ts"
import { Effect, Layer } from "effect"

const lease = { limit: 100, ackWaitMillis: 10_000 }
const memory = () => Layer.mergeAll(layerMemoryQueue({ backoffMillis: 1 }), layerMemoryStore, layerMemoryWarehouse)

/** The warehouse's counts are read first of all: what happens right after that lies between the ledger's reads. */
const afterTheFirstRead = <R>(happens: Effect.Effect<unknown, never, R>) =>
  Effect.gen(function* () {
    const { counts } = yield* WarehouseLedger
    return yield* ledger("default").pipe(
      Effect.provideService(WarehouseLedger, { counts: Effect.tap(counts, () => happens) })
    )
  })

describe("ledger", () => {
  it.live("balances between the store's commit and the acknowledgement, also when a load comes first", () =>
    Effect.gen(function* () {
      const queue = yield* EventQueue
      const store = yield* EventStore
      yield* queue.publish(batchOf(1, 5))
      yield* queue.publish(batchOf(4, 5))
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* store.append((yield* queue.take(lease)).batches)
          assert.deepInclude(yield* ledger("default"), { accepted: 10, stored: 0, in_flight: 10, difference: 0 })
          yield* load({ limit: 100 })
          const loaded = { accepted: 10, stored: 8, duplicates: 2, in_flight: 0, difference: 0 }
          assert.deepInclude(yield* ledger("default"), loaded)
        })
      )
      assert.deepInclude(yield* ledger("default"), { accepted: 10, stored: 8, in_flight: 0, difference: 0 })
    }).pipe(Effect.provide(memory()))
  )
  it.live("balances after a delivery that was stored and then failed, before and after it comes again", () =>
    Effect.gen(function* () {
      const queue = yield* EventQueue
      const store = yield* EventStore
      yield* queue.publish(batchOf(1, 5))
      const deliver = Effect.flatMap(queue.take(lease), ({ batches }) => store.append(batches))
      yield* deliver.pipe(Effect.andThen(Effect.fail("no" as const)), Effect.scoped, Effect.ignore)
      assert.deepInclude(yield* ledger("default"), { accepted: 5, in_flight: 5, difference: 0 })
      yield* Effect.scoped(deliver)
      assert.deepInclude(yield* ledger("default"), { accepted: 5, in_flight: 5, difference: 0 })
    }).pipe(Effect.provide(memory()))
  )
  it.live("balances whatever is published, stored and acknowledged while it is read", () =>
    Effect.gen(function* () {
      const queue = yield* EventQueue
      const store = yield* EventStore
      yield* queue.publish(batchOf(1, 5))
      const comesThrough = Effect.gen(function* () {
        yield* queue.publish(batchOf(6, 5))
        yield* Effect.scoped(Effect.flatMap(queue.take(lease), ({ batches }) => store.append(batches)))
      }).pipe(Effect.orDie)
      assert.deepInclude(yield* afterTheFirstRead(comesThrough), { accepted: 10, in_flight: 10, difference: 0 })
      const storedAlone = Effect.gen(function* () {
        yield* queue.publish(batchOf(11, 5))
        yield* Effect.forkChild(
          Effect.scoped(
            Effect.andThen(
              Effect.flatMap(queue.take(lease), ({ batches }) => store.append(batches)),
              Effect.never
            )
          )
        )
        yield* Effect.sleep(5)
      }).pipe(Effect.orDie)
      assert.deepInclude(yield* afterTheFirstRead(storedAlone), { accepted: 15, in_flight: 15, difference: 0 })
      // Between the queue's answer and the store's.
      const account = yield* QueueLedger
      const late = yield* ledger("default").pipe(
        Effect.provideService(QueueLedger, { ...account, counts: Effect.tap(account.counts, () => comesThrough) })
      )
      assert.strictEqual(late.difference, 0)
    }).pipe(Effect.provide(memory()))
  )
})
