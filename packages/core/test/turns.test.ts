import { assert, describe, it } from "@effect/vitest"
import { Asker } from "../src/index.ts"
import { Cause, Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import fc from "fast-check"
import { type TurnOptions, Turns } from "../src/kit/turns/Turns.ts"

const SLICE = 1_000
const DEFAULTS: TurnOptions = { turns: 2, sliceMillis: SLICE, waitingMax: 8, waitMillis: 600_000 }
const NEVER = 3_600_000

/** Questions of a known length, with what became of them and when. */
const scene = (options: Partial<TurnOptions> = {}) => {
  const turns = new Turns({ ...DEFAULTS, ...options })
  const log: Array<string> = []
  let running = 0
  let most = 0
  const question = (name: string, millis: number) =>
    Effect.acquireUseRelease(
      Effect.sync(() => {
        log.push(`${name} begins`)
        most = Math.max(most, ++running)
      }),
      () => Effect.sleep(millis),
      () => Effect.sync(() => void running--)
    )
  /** `name` is the project's, and who of it, `shop/key`. */
  const ask = (name: string, millis: number) => {
    const [project = "", id = ""] = name.split("/")
    return turns.run(question(name, millis)).pipe(
      Effect.tap(() => Effect.sync(() => log.push(`${name} ends`))),
      Effect.provideService(Asker, { project, id }),
      Effect.forkChild({ startImmediately: true })
    )
  }
  const now = () => running
  return { turns, log, ask, now, most: () => most, times: (line: string) => log.filter((each) => each === line).length }
}

const reasonOf = <A, E>(exit: Exit.Exit<A, E>) => (Exit.isFailure(exit) ? Cause.squash(exit.cause) : "ended")

describe("turns", () => {
  it.effect("a light question begins at once beside a project's heavy ones, however many wait", () =>
    Effect.gen(function* () {
      const { ask, log } = scene()
      for (let each = 0; each < 5; each++) yield* ask("a", NEVER)
      yield* TestClock.adjust(20 * SLICE)
      yield* ask("b", SLICE / 2)
      assert.strictEqual(log.at(-1), "b begins")
      yield* TestClock.adjust(SLICE / 2)
      assert.strictEqual(log.at(-1), "b ends")
    })
  )

  it.effect("a question that is somewhat longer is not put behind the heavy ones of one project's flood", () =>
    Effect.gen(function* () {
      const { ask, times } = scene()
      for (let each = 0; each < 4; each++) yield* ask("a", NEVER)
      yield* TestClock.adjust(20 * SLICE)
      yield* ask("b", 3 * SLICE)
      yield* TestClock.adjust(3 * SLICE)
      assert.deepStrictEqual([times("b begins"), times("b ends")], [1, 1])
    })
  )

  it.effect("while those that fill the turns are new, it begins within their first slice", () =>
    Effect.gen(function* () {
      const { ask, log } = scene()
      for (let each = 0; each < 5; each++) yield* ask("a", NEVER)
      yield* ask("b", SLICE / 2)
      assert.strictEqual(log.includes("b begins"), false)
      yield* TestClock.adjust(SLICE)
      assert.strictEqual(log.includes("b begins"), true)
    })
  )

  it.effect("where nobody waits nothing is stopped, and all turns are used", () =>
    Effect.gen(function* () {
      const { ask, now, times } = scene()
      for (let each = 0; each < 2; each++) yield* ask("a", 50 * SLICE)
      yield* TestClock.adjust(50 * SLICE)
      assert.deepStrictEqual([now(), times("a begins"), times("a ends")], [0, 2, 2])
    })
  )

  it.effect("a heavy question is stopped at most once, and comes to its end while light ones never cease", () =>
    Effect.gen(function* () {
      const { ask, times } = scene()
      for (const name of ["a/1", "a/2", "a/3", "b/1"]) yield* ask(name, 10 * SLICE)
      for (let step = 0; step < 100; step++) {
        yield* ask("c", SLICE / 2)
        yield* TestClock.adjust(SLICE / 2)
      }
      for (const name of ["a/1", "a/2", "a/3", "b/1"]) {
        assert.strictEqual(times(`${name} ends`), 1)
        assert.isAtMost(times(`${name} begins`), 2)
      }
      assert.isAtLeast(times("c ends"), 95)
    })
  )

  it.effect("heavy ones take turns by project, and within one by who asks", () =>
    Effect.gen(function* () {
      const { ask, log } = scene({ waitingMax: 100 })
      for (const name of ["a/1", "a/1", "a/1", "a/1", "a/2", "b/1"]) yield* ask(name, 10 * SLICE)
      yield* TestClock.adjust(200 * SLICE)
      const ended = log.filter((line) => line.endsWith("ends")).map((line) => line.split(" ")[0])
      assert.isAtMost(ended.indexOf("b/1"), 1)
      assert.isAtMost(ended.indexOf("a/2"), 2)
    })
  )

  it.effect("when too many wait, the newest of whoever has the most is refused, and nobody else", () =>
    Effect.gen(function* () {
      const { ask } = scene()
      const flood: Array<Fiber.Fiber<unknown, unknown>> = []
      for (let each = 0; each < 10; each++) flood.push(yield* ask(`a/${each % 2 === 0 ? "loud" : each}`, NEVER))
      const quiet = yield* ask("b", SLICE)
      assert.isUndefined(quiet.pollUnsafe())
      const refused = flood.flatMap((fiber, each) => (fiber.pollUnsafe() === undefined ? [] : [each]))
      assert.deepStrictEqual(refused, [8])
      assert.strictEqual(reasonOf(yield* Fiber.await(flood[8]!)), "full")
    })
  )

  it.effect("whoever waits for too long is told so", () =>
    Effect.gen(function* () {
      const { ask } = scene({ turns: 1, waitMillis: 5 * SLICE })
      yield* ask("a", NEVER)
      const late = yield* ask("b", SLICE)
      yield* TestClock.adjust(5 * SLICE)
      assert.strictEqual(reasonOf(yield* Fiber.await(late)), "late")
    })
  )

  it.effect("whoever goes away while it waits, waits no longer and takes no turn", () =>
    Effect.gen(function* () {
      const { ask, log } = scene({ turns: 1 })
      const first = yield* ask("a", NEVER)
      const gone = yield* ask("b", SLICE)
      yield* Fiber.interrupt(gone)
      yield* Fiber.interrupt(first)
      yield* ask("c", SLICE)
      assert.deepStrictEqual(log, ["a begins", "c begins"])
    })
  )

  it.effect("alone: no question runs meanwhile; those that were stopped for it come to their end", () =>
    Effect.gen(function* () {
      const { ask, now, times, turns } = scene()
      for (const name of ["a", "b"]) yield* ask(name, 10 * SLICE)
      yield* TestClock.adjust(2 * SLICE)
      const seen: Array<number> = []
      const alone = yield* Effect.forkChild(
        turns.alone(
          Effect.andThen(
            Effect.sync(() => seen.push(now())),
            Effect.andThen(
              Effect.sleep(5 * SLICE),
              Effect.sync(() => seen.push(now()))
            )
          )
        ),
        { startImmediately: true }
      )
      yield* ask("c", SLICE)
      yield* TestClock.adjust(5 * SLICE)
      yield* Fiber.await(alone)
      assert.deepStrictEqual(seen, [0, 0])
      yield* TestClock.adjust(60 * SLICE)
      assert.deepStrictEqual([times("a ends"), times("b ends"), times("c ends"), now()], [1, 1, 1, 0])
    })
  )

  const step = fc.record({
    project: fc.constantFrom("a", "b", "c"),
    millis: fc.constantFrom(100, SLICE / 2, 3 * SLICE, 20 * SLICE),
    pause: fc.constantFrom(0, 0, 100, SLICE, 2 * SLICE),
    leavesAfter: fc.constantFrom(undefined, undefined, undefined, 0, 500, 4 * SLICE)
  })

  it.effect(
    "whatever comes and goes: never more than the turns, every question ends or is told, and no turn is lost",
    () =>
      Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.array(step, { maxLength: 25 }), (count, steps) =>
            Effect.runPromise(
              Effect.gen(function* () {
                const { ask, most, now, turns } = scene({ turns: count, waitingMax: 6 })
                const asked: Array<Fiber.Fiber<unknown, unknown>> = []
                for (const { leavesAfter, millis, pause, project } of steps) {
                  const fiber = yield* ask(project, millis)
                  asked.push(fiber)
                  if (leavesAfter !== undefined) {
                    yield* Effect.forkChild(Effect.andThen(Effect.sleep(leavesAfter), Fiber.interrupt(fiber)))
                  }
                  yield* TestClock.adjust(pause)
                }
                yield* TestClock.adjust(2_000 * SLICE)
                for (const fiber of asked) assert.isDefined(fiber.pollUnsafe())
                assert.isAtMost(most(), count)
                assert.strictEqual(now(), 0)
                const all = yield* Effect.forkChild(turns.alone(Effect.succeed("empty")), { startImmediately: true })
                assert.strictEqual(yield* Fiber.join(all), "empty")
              }).pipe(Effect.provide(TestClock.layer()), Effect.scoped)
            )
          ),
          { numRuns: 200 }
        )
      )
  )
})
