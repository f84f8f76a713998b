import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { QueueLedger, DeadLetters, EventQueue, EventStore } from "@millrace/core"
import { idOf } from "@millrace/testing"
import { Effect } from "effect"
import {
  lettersOf,
  countsOf,
  drainAll,
  drainOnce,
  idsIn,
  lease,
  live,
  numbers,
  publish,
  queueOf,
  refused,
  replayAll,
  segmentsIn,
  storeOf
} from "./lives.ts"
import { withDirectory } from "./support.ts"

describe("Embedded over several lives", () => {
  it("what was published and not acknowledged is delivered again after reopening, what was acknowledged is not", () =>
    withDirectory(async (directory) => {
      await live(
        directory,
        Effect.gen(function* () {
          yield* publish(1, 3)
          yield* publish(4, 3)
          yield* publish(7, 3)
          yield* drainOnce({ ...lease, limit: 3 })
          // The second message is held and fails while the third is acknowledged.
          yield* (yield* EventQueue)
            .take({ ...lease, limit: 3 })
            .pipe(
              Effect.andThen(drainOnce({ ...lease, limit: 3 })),
              Effect.andThen(Effect.fail("no")),
              Effect.scoped,
              Effect.ignore
            )
        })
      )
      const again = await live(
        directory,
        queueOf((queue) => Effect.scoped(queue.take(lease)))
      )
      assert.deepStrictEqual(idsIn(again), numbers(4, 3))
    }))

  it("an event set aside twice counts once, in this life and the next", () =>
    withDirectory(async (directory) => {
      const counts = await live(
        directory,
        Effect.gen(function* () {
          yield* publish(1, 3)
          const queue = yield* EventQueue
          const letters = yield* DeadLetters
          const twice = Effect.flatMap(queue.take(lease), ({ batches }) => {
            const once = letters.put(batches[0]!.slice(1, 2), refused)
            return Effect.all([once, once, once], { concurrency: 3 })
          })
          yield* Effect.scoped(twice)
          return yield* (yield* QueueLedger).counts
        })
      )
      assert.deepStrictEqual([counts.deadLettered, counts.waiting], [{ default: 1 }, {}])
      assert.deepStrictEqual(await live(directory, countsOf), counts)
    }))

  it("a redelivered event is no duplicate of itself", () =>
    withDirectory(async (directory) => {
      const append = Effect.gen(function* () {
        const { batches } = yield* (yield* EventQueue).take(lease)
        yield* (yield* EventStore).append(batches)
        yield* (yield* EventStore).append(batches.map((batch) => batch.slice(0, 2)))
      })
      await live(
        directory,
        Effect.gen(function* () {
          yield* publish(1, 5)
          yield* append.pipe(Effect.andThen(Effect.fail("no")), Effect.scoped, Effect.ignore)
        })
      )
      const { duplicates, shown } = await live(directory, Effect.andThen(Effect.scoped(append), replayAll()))
      assert.deepStrictEqual(shown, numbers(1, 5))
      assert.strictEqual(duplicates, 0)
    }))

  it("identity: the first in the log wins, though a later one was acknowledged first, also after reopening", () =>
    withDirectory(async (directory) => {
      await live(
        directory,
        Effect.gen(function* () {
          yield* publish(1, 2, { user_id: "first" })
          yield* publish(1, 2, { user_id: "second" })
          const queue = yield* EventQueue
          yield* Effect.scoped(
            Effect.gen(function* () {
              const held = yield* queue.take({ ...lease, limit: 2 })
              yield* drainOnce()
              yield* (yield* EventStore).append(held.batches)
              assert.deepStrictEqual(idsIn(yield* storeOf((store) => store.replay({ after: "", limit: 9 }))), [])
            })
          )
        })
      )
      const page = await live(
        directory,
        storeOf((store) => store.replay({ after: "", limit: 9 }))
      )
      assert.deepStrictEqual(
        page.batches.flatMap((batch) => batch.events.map((event) => event.user_id)),
        ["first", "first"]
      )
      assert.deepStrictEqual(page.duplicates, { default: 2 })
    }))

  it("counts survive reopening and the deletion of segments", () =>
    withDirectory(async (directory) => {
      const before = await live(
        directory,
        Effect.gen(function* () {
          for (let from = 1; from <= 200; from += 5) yield* publish(from, 5)
          yield* publish(1, 5, { project_id: "__proto__" })
          const queue = yield* EventQueue
          const dead = Effect.flatMap(queue.take({ ...lease, limit: 1 }), ({ batches }) =>
            lettersOf((letters) => letters.put(batches[0]!.slice(1, 3), refused))
          )
          yield* Effect.scoped(dead)
          yield* (yield* DeadLetters).replay([(yield* (yield* DeadLetters).list({ limit: 1 }))[0]!.id])
          yield* drainAll
          const segments = segmentsIn(directory).length
          const { cursor } = yield* replayAll()
          yield* storeOf((store) => store.prune({ upTo: cursor }))
          assert.isAbove(segments, 3)
          assert.strictEqual(segmentsIn(directory).length, 1)
          return yield* (yield* QueueLedger).counts
        })
      )
      assert.strictEqual(before.accepted["default"], 201)
      assert.strictEqual(Object.getOwnPropertyDescriptor(before.accepted, "__proto__")?.value, 5)
      assert.deepStrictEqual([before.deadLettered, before.replayed], [{ default: 2 }, { default: 1 }])
      for (let life = 0; life < 2; life++) {
        assert.deepStrictEqual(await live(directory, countsOf), before)
      }
    }))

  it("a dead letter stays out of replay and on the list after reopening; its replay is shown once", () =>
    withDirectory(async (directory) => {
      await live(
        directory,
        Effect.gen(function* () {
          yield* publish(1, 4)
          const queue = yield* EventQueue
          yield* Effect.scoped(
            Effect.flatMap(queue.take(lease), ({ batches }) =>
              lettersOf((letters) => letters.put(batches[0]!.slice(1, 2), refused))
            )
          )
        })
      )
      const shown = await live(
        directory,
        Effect.gen(function* () {
          assert.deepStrictEqual(
            (yield* (yield* DeadLetters).list({ limit: 9 })).map((letter) => [letter.event.event_id, letter.reason]),
            [[idOf(2), refused]]
          )
          const first = yield* replayAll()
          assert.deepStrictEqual(first.shown, [idOf(1), idOf(3), idOf(4)])
          assert.strictEqual(yield* (yield* DeadLetters).replay("all"), 1)
          yield* drainAll
          return (yield* replayAll(first.cursor)).shown
        })
      )
      assert.deepStrictEqual(shown, [idOf(2)])
    }))

  it("an event set aside after it was stored can be replayed, also when the process ended in between", () =>
    withDirectory(async (directory) => {
      const cursor = await live(
        directory,
        Effect.gen(function* () {
          yield* publish(1, 2)
          yield* publish(2, 1, { user_id: "again" })
          yield* drainAll
          const page = yield* storeOf((store) => store.replay({ after: "", limit: 9 }))
          const late = { ...refused, stage: "warehouse" } as const
          yield* lettersOf((letters) => letters.put(page.batches[0]!.slice(1, 2), late))
          return page.cursor
        })
      )
      const shown = await live(
        directory,
        Effect.gen(function* () {
          assert.deepStrictEqual((yield* replayAll()).shown, [idOf(1)])
          yield* lettersOf((letters) => letters.replay("all"))
          yield* drainAll
          return (yield* replayAll(cursor)).shown
        })
      )
      assert.deepStrictEqual(shown, [idOf(2)])
    }))

  it("a page's cursor is safe with the page: after it, nothing the page holds is delivered again", () =>
    withDirectory(async (directory) => {
      await live(
        directory,
        Effect.gen(function* () {
          yield* publish(1, 3)
          yield* drainAll
          const page = yield* storeOf((store) => store.replay({ after: "", limit: 9 }))
          const saved: unknown = JSON.parse(readFileSync(join(directory, "checkpoint.json"), "utf8"))
          assert.deepInclude(saved, { floor: Number(page.cursor) })
        })
      )
    }))
})
