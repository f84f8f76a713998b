import { existsSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { type QueueServices, EventBatch, EventQueue } from "@millrace/core"
import { FolderInUse } from "@millrace/core/node"
import { batchOf } from "@millrace/testing"
import { Embedded } from "@millrace/embedded"
import { Effect } from "effect"
import { countsOf, lease, live, options, publish, queueOf, segmentsIn } from "./lives.ts"
import { withDirectory } from "./support.ts"

describe("Embedded layers", () => {
  it("a second process over the same directory gets an error that names the first", () =>
    withDirectory(async (directory) => {
      const error = await live(
        directory,
        Effect.andThen(EventQueue, EventQueue.pipe(Effect.provide(Embedded.queue({ directory })), Effect.flip))
      )
      assert.isTrue("reason" in error && "cause" in error.reason && error.reason.cause instanceof FolderInUse)
      assert.isFalse(existsSync(join(directory, "lock")))
    }))

  it("the queue alone deletes what is acknowledged, and keeps its counts", () =>
    withDirectory(async (directory) => {
      const life = <A>(use: Effect.Effect<A, unknown, QueueServices>) =>
        Effect.runPromise(Effect.provide(use, Embedded.queue({ directory, ...options })))
      await life(
        Effect.gen(function* () {
          const queue = yield* EventQueue
          for (let from = 1; from <= 200; from += 5) yield* publish(from, 5)
          while ((yield* queue.waiting).events > 0) yield* Effect.scoped(queue.take(lease))
          const segments = segmentsIn(directory).length
          assert.isAbove(segments, 3)
          while (segmentsIn(directory).length > 1) yield* Effect.sleep(50)
        })
      )
      assert.deepStrictEqual((await life(countsOf)).accepted, { default: 200 })
    }))

  it("options are refused by name", () =>
    withDirectory(async (directory) => {
      const bad = Embedded.queue({ directory, maxAttempts: 0 })
      const error = await Effect.runPromise(EventQueue.pipe(Effect.provide(bad), Effect.flip))
      assert.include(String("cause" in error.reason && error.reason.cause), "maxAttempts")
    }))

  it("a message larger than the log takes is refused for good, nothing of it is written", () =>
    withDirectory(async (directory) => {
      const huge = EventBatch.fromEvents(
        batchOf(1, 300).events.map((event) => ({ ...event, properties: `{"x":"${"y".repeat(64_000)}"}` }))
      )
      await live(
        directory,
        Effect.gen(function* () {
          const error = yield* queueOf((queue) => Effect.flip(queue.publish(huge)))
          assert.strictEqual(error.reason._tag, "MessageTooLarge")
          assert.deepStrictEqual((yield* countsOf).accepted, {})
        })
      )
    }))
})
