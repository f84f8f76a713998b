import { assert, it } from "@effect/vitest"
import { Cause, Deferred, Effect, Fiber, Logger } from "effect"
import { HttpServerResponse } from "effect/http"
import { makeJobs } from "../src/http/Jobs.ts"
import { refusal, respondJson } from "../src/http/Refusal.ts"

const LONG = 60_000
const SOON = 100

const read = (response: HttpServerResponse.HttpServerResponse) =>
  Effect.promise(() => HttpServerResponse.toWeb(response).json() as Promise<Record<string, unknown>>)

it.live("one works at a time; so many wait, and the next is told to come back; what clients have left counts", () =>
  Effect.gen(function* () {
    const jobs = makeJobs({ atMost: 3, waitMillis: LONG })
    const [mayEnd, done] = [yield* Deferred.make<void>(), [] as Array<number>]
    let [working, most] = [0, 0]
    const work = (number: number) =>
      jobs.carryThrough(
        "shop",
        Effect.gen(function* () {
          most = Math.max(most, ++working)
          yield* Deferred.await(mayEnd)
          working--
          done.push(number)
          return respondJson({ number })
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
    // Whatever may begin has begun, and whoever waits no longer has gone.
    yield* Effect.sleep(20)
    yield* Deferred.succeed(mayEnd, undefined)
    assert.deepStrictEqual(yield* read(yield* Fiber.join(third!)), { number: 3 })
    assert.deepStrictEqual([done, most], [[1, 2, 3], 1])
    assert.deepStrictEqual(yield* read(yield* work(6)), { number: 6 })
  })
)

const no = refusal("backup_exists", "No.")

it.live("work that is refused, or breaks, makes room; what broke is logged once, whoever asks for it", () => {
  const logged: Array<string> = []
  const logger = Logger.layer([Logger.make(({ cause }) => void logged.push(Cause.pretty(cause)))])
  return Effect.gen(function* () {
    const jobs = makeJobs({ atMost: 1, waitMillis: SOON })
    assert.strictEqual(yield* Effect.flip(jobs.carryThrough("shop", Effect.fail(no))), no)
    assert.deepStrictEqual(logged, [])
    const mayEnd = yield* Deferred.make<void>()
    const bug = Effect.andThen(Deferred.await(mayEnd), Effect.die(new Error("bug")))
    const id = yield* nameOf(yield* jobs.carryThrough("shop", bug))
    yield* Deferred.succeed(mayEnd, undefined)
    for (const _ of [1, 2]) {
      assert.strictEqual((yield* Effect.flip(jobs.answerOf("shop", id))).problem.status, 500)
      assert.lengthOf(logged, 1)
      assert.include(logged[0], "bug")
    }
    assert.deepStrictEqual(yield* read(yield* jobs.carryThrough("shop", Effect.succeed(respondJson({})))), {})
  }).pipe(Effect.provide(logger))
})

const nameOf = Effect.fnUntraced(function* (answer: HttpServerResponse.HttpServerResponse) {
  assert.deepStrictEqual([answer.status, answer.headers["retry-after"]], [202, "1"])
  return String((yield* read(answer))["job"])
})

it.live("work that takes long is named; by the name its project has its answer, or refusal, as often as it asks", () =>
  Effect.gen(function* () {
    const jobs = makeJobs({ waitMillis: SOON })
    const mayEnd = yield* Deferred.make<void>()
    const [good, bad] = yield* Effect.forEach([Effect.succeed(respondJson({ good: true })), Effect.fail(no)], (end) =>
      Effect.flatMap(jobs.carryThrough("shop", Effect.andThen(Deferred.await(mayEnd), end)), nameOf)
    )
    assert.strictEqual(yield* nameOf(yield* jobs.answerOf("shop", good!)), good)
    for (const [project, id] of [["blog", good!] as const, ["shop", "none"] as const]) {
      assert.strictEqual((yield* Effect.flip(jobs.answerOf(project, id))).problem.status, 404)
    }
    yield* Deferred.succeed(mayEnd, undefined)
    for (const _ of [1, 2]) {
      assert.deepStrictEqual(yield* read(yield* jobs.answerOf("shop", good!)), { good: true })
      assert.strictEqual(yield* Effect.flip(jobs.answerOf("shop", bad!)), no)
    }
  })
)

it.live("of 128 that were named answers are kept; then the oldest is forgotten", () =>
  Effect.gen(function* () {
    const jobs = makeJobs({ waitMillis: 0 })
    const begin = Effect.gen(function* () {
      const ended = yield* Deferred.make<void>()
      const work = Effect.andThen(Effect.sleep(0), Effect.succeed(respondJson({})))
      const id = yield* nameOf(
        yield* jobs.carryThrough("shop", Effect.ensuring(work, Deferred.succeed(ended, undefined)))
      )
      yield* Deferred.await(ended)
      return id
    })
    const ids = yield* Effect.forEach(Array.from({ length: 129 }), () => begin)
    const known = yield* Effect.forEach(ids, (id) => Effect.option(jobs.answerOf("shop", id)))
    assert.deepStrictEqual(
      known.map(({ _tag }) => _tag),
      ids.map((_, index) => (index === 0 ? "None" : "Some"))
    )
  })
)
