import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import {
  QueueLedger,
  DeadLetters,
  QueueErasure,
  StoreErasure,
  StoreLedger,
  EventQueue,
  EventStore
} from "@millrace/core"
import { batchOf, erasureOf } from "@millrace/testing"
import { Effect } from "effect"
import { assert, describe, it } from "vitest"
import { Embedded } from "../src/index.ts"
import { withDirectory } from "./support.ts"

const contentOf = (directory: string) =>
  readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((name) => !/(?:^|\/)lock/u.test(name) && statSync(join(directory, name)).isFile())
    .toSorted()
    .map((name) => [name, readFileSync(join(directory, name), "base64")])

const publish = Effect.flatMap(EventQueue, (queue) => queue.publish(batchOf(1, 20)))

const told = Effect.gen(function* () {
  const { accepted, lost, waiting } = yield* (yield* QueueLedger).counts
  return { accepted, lost, waiting, backlog: yield* (yield* StoreLedger).backlog("") }
})

/** What a write that was never acknowledged leaves behind the last record. */
const tear = (path: string) => {
  const bytes = readFileSync(path)
  const end = bytes.findLastIndex((byte) => byte !== 0) + 1
  writeFileSync(path, bytes.fill("torn", end, end + 400))
}

describe("Embedded.reader", () => {
  it("tells of a log with a torn tail what a start tells, and leaves it, and the checkpoint, as they are", () =>
    withDirectory(async (directory) => {
      const log = { directory, segmentBytes: 4096 }
      await Effect.runPromise(Effect.provide(publish, Embedded.layer(log)))
      const segments = readdirSync(join(directory, "log")).filter((name) => name.endsWith(".log"))
      tear(join(directory, "log", segments.at(-1)!))
      const before = contentOf(directory)
      const read = await Effect.runPromise(Effect.provide(told, Embedded.reader(log)))
      assert.deepStrictEqual(contentOf(directory), before)
      assert.deepStrictEqual(await Effect.runPromise(Effect.provide(told, Embedded.layer(log))), read)
      assert.deepStrictEqual(read.waiting, { default: 20 })
    }))

  it("what would change something fails: nothing is accepted that no disk holds", () =>
    withDirectory(async (directory) => {
      const log = { directory }
      await Effect.runPromise(Effect.provide(publish, Embedded.layer(log)))
      const before = contentOf(directory)
      const erasure = erasureOf("user-1")
      const writes = Effect.gen(function* () {
        const [queue, store] = [yield* EventQueue, yield* EventStore]
        const reason = { stage: "queue", code: "", message: "", attempts: 1 } as const
        const tried: ReadonlyArray<Effect.Effect<unknown, unknown>> = [
          queue.publish(batchOf(21, 1)),
          Effect.scoped(queue.take({ limit: 1, ackWaitMillis: 1 })),
          (yield* DeadLetters).put(batchOf(1, 1), reason),
          (yield* DeadLetters).replay("all"),
          (yield* DeadLetters).purge("all"),
          (yield* QueueErasure).erase(erasure),
          store.append([batchOf(21, 1)]),
          store.prune({ upTo: "1" }),
          (yield* StoreErasure).erase(erasure)
        ]
        return yield* Effect.forEach(tried, Effect.flip)
      })
      const errors = await Effect.runPromise(Effect.provide(writes, Embedded.reader(log)))
      for (const error of errors) assert.match(String(error), /open for reading alone/u)
      assert.deepStrictEqual(contentOf(directory), before)
    }))

  it("a folder without a log is refused, and none is made", () =>
    withDirectory(async (directory) => {
      const absent = { directory: join(directory, "log") }
      const error = await Effect.runPromise(Effect.flip(Effect.provide(told, Embedded.reader(absent))))
      assert.match(String(error), /there is no log/u)
      assert.deepStrictEqual(readdirSync(directory), [])
    }))
})
