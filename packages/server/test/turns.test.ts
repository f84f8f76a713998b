import { assert, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { makeTurns } from "../src/http/Turns.ts"

it.live("one works at a time; so many wait, and the next is told to come back; what clients have left counts", () =>
  Effect.gen(function* () {
    const turns = makeTurns(3)
    const [mayEnd, done] = [yield* Deferred.make<void>(), [] as Array<number>]
    let [working, most] = [0, 0]
    const work = (number: number) =>
      turns.carryThrough(
        Effect.gen(function* () {
          most = Math.max(most, ++working)
          yield* Deferred.await(mayEnd)
          working--
          done.push(number)
          return number
        })
      )
    const [first, second, third] = yield* Effect.forEach([1, 2, 3], (number) =>
      Effect.forkChild(work(number), { startImmediately: true })
    )
    const refused = yield* Effect.flip(work(4))
    assert.deepStrictEqual([refused.problem.status, refused.headers["retry-after"]], [503, "30"])
    yield* Fiber.interrupt(first!)
    yield* Fiber.interrupt(second!)
    assert.strictEqual((yield* Effect.flip(work(5))).problem.status, 503)
    yield* Deferred.succeed(mayEnd, undefined)
    assert.strictEqual(yield* Fiber.join(third!), 3)
    assert.deepStrictEqual([done, most], [[1, 2, 3], 1])
    assert.strictEqual(yield* work(6), 6)
  })
)

it.live("work that fails, or times out inside, makes room", () =>
  Effect.gen(function* () {
    const turns = makeTurns(1)
    assert.strictEqual(yield* Effect.flip(turns.carryThrough(Effect.fail("no"))), "no")
    assert.strictEqual((yield* turns.carryThrough(Effect.timeoutOption(Effect.never, 1)))._tag, "None")
    assert.strictEqual(yield* turns.carryThrough(Effect.succeed(1)), 1)
  })
)
