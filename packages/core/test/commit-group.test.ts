import { assert, describe, it } from "@effect/vitest"
import { type EventBatch } from "@millrace/core"
import { batchOf } from "../../testing/src/index.ts"
import { Deferred, Effect, Fiber } from "effect"
import { makeCommitGroup } from "../src/kit/CommitGroup.ts"

const options = { maxEvents: 10, maxWaitingBytes: 1 << 20, concurrency: 1 }

/** Commits wait for `gate`; events in `poison` are refused for good, by their numbers. */
const makeStore = Effect.fnUntraced(function* (poison: ReadonlyArray<number>, over: Partial<typeof options> = {}) {
  const gate = yield* Deferred.make<void>()
  const commits: Array<number> = []
  const aside: Array<EventBatch> = []
  const refused = new Set(poison.flatMap((number) => batchOf(number, 1).events.map(({ event_id }) => event_id)))
  const add = yield* makeCommitGroup<string>(
    {
      together: (batches) =>
        Effect.andThen(Deferred.await(gate), () => {
          const events = batches.flatMap((batch) => batch.events)
          if (events.some(({ event_id }) => refused.has(event_id))) return Effect.fail("poison")
          commits.push(events.length)
          return Effect.void
        }),
      alone: (batch) => Effect.sync(() => aside.push(batch)),
      isPermanent: (error) => error === "poison",
      full: () => "full",
      closed: () => "closed"
    },
    { ...options, ...over }
  )
  return { add, aside, commits, gate }
})

/** Started, and waiting. */
const startAll = <A, E>(effects: ReadonlyArray<Effect.Effect<A, E>>) =>
  Effect.forEach(effects, (effect) => Effect.forkChild(effect, { startImmediately: true }))

describe("a commit group", () => {
  it.live("commits what came meanwhile in one go, within its bound, and answers each", () =>
    Effect.gen(function* () {
      const { add, commits, gate } = yield* makeStore([])
      const fibers = yield* startAll(Array.from({ length: 8 }, (_, index) => add(batchOf(index * 10, 4))))
      yield* Deferred.succeed(gate, undefined)
      yield* Effect.forEach(fibers, Fiber.join)
      assert.strictEqual(
        commits.reduce((sum, count) => sum + count, 0),
        32
      )
      assert.isBelow(commits.length, 8)
      assert.isTrue(commits.every((count) => count <= options.maxEvents))
    }).pipe(Effect.scoped)
  )
  it.live("what is refused for good is handled alone; its neighbours are committed", () =>
    Effect.gen(function* () {
      const { add, aside, commits, gate } = yield* makeStore([31, 62], { maxEvents: 1_000 })
      const fibers = yield* startAll(Array.from({ length: 8 }, (_, index) => add(batchOf(index * 10, 4))))
      yield* Deferred.succeed(gate, undefined)
      yield* Effect.forEach(fibers, Fiber.join)
      assert.strictEqual(
        commits.reduce((sum, count) => sum + count, 0),
        24
      )
      const expected = [batchOf(30, 4), batchOf(60, 4)].map((batch) => batch.events)
      assert.deepStrictEqual(
        aside.map((batch) => batch.events),
        expected
      )
    }).pipe(Effect.scoped)
  )
  it.live("more than may wait is refused at once, and what waits is not forgotten", () =>
    Effect.gen(function* () {
      const { length } = batchOf(0, 4).bytes
      const { add, commits, gate } = yield* makeStore([], { maxWaitingBytes: length * 2 })
      // The first is under way; two wait.
      const fibers = [...(yield* startAll([add(batchOf(0, 4))])), ...(yield* startAll([add(batchOf(10, 4))]))]
      yield* Effect.yieldNow
      fibers.push(...(yield* startAll([add(batchOf(20, 4)), add(batchOf(30, 4)), add(batchOf(40, 4))])))
      const exits = Effect.forEach(fibers, (fiber) => Effect.result(Fiber.join(fiber)))
      yield* Deferred.succeed(gate, undefined)
      const tags = (yield* exits).map((result) => (result._tag === "Success" ? "committed" : result.failure))
      assert.include(tags, "full")
      assert.strictEqual(
        commits.reduce((sum, count) => sum + count, 0),
        tags.filter((tag) => tag === "committed").length * 4
      )
      assert.isTrue(yield* Effect.isSuccess(add(batchOf(50, 4))))
    }).pipe(Effect.scoped)
  )
  it.live("closing answers those that wait", () =>
    Effect.gen(function* () {
      const scoped = Effect.scoped(
        Effect.gen(function* () {
          const { add } = yield* makeStore([])
          return yield* startAll([add(batchOf(0, 4)), add(batchOf(10, 4))])
        })
      )
      for (const fiber of yield* scoped) assert.strictEqual(yield* Effect.flip(Fiber.join(fiber)), "closed")
    })
  )
})
