import type { RawRow } from "@millrace/core"
import { Deferred, Effect, Fiber } from "effect"
import { assert, describe, it } from "vitest"
import { AnswerCache } from "../src/AnswerCache.ts"

type Rows = ReadonlyArray<RawRow>

const statement = { text: "SELECT 1", values: [] }
const soon = { startImmediately: true } as const

describe("AnswerCache: a question that is being answered", () => {
  it("is not asked a second time: all who ask it get its rows, or its failure", () =>
    Effect.gen(function* () {
      for (const answer of [Effect.succeed<Rows>([{ one: 1 }]), Effect.fail("refused")]) {
        const cache = new AnswerCache<string>(10)
        const gate = yield* Deferred.make<void>()
        let asked = 0
        const ask = Effect.suspend(() => {
          asked++
          return Effect.andThen(Deferred.await(gate), answer)
        })
        const asking = yield* Effect.forEach([1, 2, 3], () => Effect.forkChild(cache.through(statement, ask), soon))
        yield* Deferred.succeed(gate, undefined)
        const exits = yield* Effect.forEach(asking, Fiber.await)
        assert.deepStrictEqual(new Set(exits.map(({ _tag }) => _tag)).size, 1)
        assert.strictEqual(asked, 1)
      }
    }).pipe(Effect.runPromise))
  it("is asked by the next one where the first went away", () =>
    Effect.gen(function* () {
      const cache = new AnswerCache<never>(10)
      const first = yield* Effect.forkChild(cache.through(statement, Effect.never), soon)
      const second = yield* Effect.forkChild(cache.through(statement, Effect.succeed([{ mine: 2 }])), soon)
      yield* Fiber.interrupt(first)
      assert.deepStrictEqual(yield* Fiber.join(second), [{ mine: 2 }])
    }).pipe(Effect.runPromise))
  it("from before a write answers nobody who asks after it, and is not kept", () =>
    Effect.gen(function* () {
      const cache = new AnswerCache<never>(10)
      const gate = yield* Deferred.make<void>()
      const old = Effect.as(Deferred.await(gate), [{ answer: "old" }])
      const first = yield* Effect.forkChild(cache.through(statement, old), soon)
      const during = yield* cache.whileWriting(cache.through(statement, Effect.succeed([{ answer: "during" }])))
      assert.deepStrictEqual(during, [{ answer: "during" }])
      const after = yield* cache.through(statement, Effect.succeed([{ answer: "new" }]))
      assert.deepStrictEqual(after, [{ answer: "new" }])
      yield* Deferred.succeed(gate, undefined)
      assert.deepStrictEqual(yield* Fiber.join(first), [{ answer: "old" }])
      assert.deepStrictEqual(yield* cache.through(statement, Effect.succeed([])), [{ answer: "new" }])
    }).pipe(Effect.runPromise))
  it("is asked anew by everyone where no answers are kept", () =>
    Effect.gen(function* () {
      const cache = new AnswerCache<never>(0)
      yield* Effect.forkChild(cache.through(statement, Effect.never), soon)
      assert.deepStrictEqual(yield* cache.through(statement, Effect.succeed([{ own: 1 }])), [{ own: 1 }])
    }).pipe(Effect.runPromise))
})
