import { assert, describe, it } from "@effect/vitest"
import { QueueErasure, QueueLedger, EventQueue, EventStore, isRedacted } from "@millrace/core"
import { type Files, nodeFiles } from "@millrace/core/node"
import { batchOf, erasureOf, filesHolding, idOf } from "@millrace/testing"
import { Effect } from "effect"
import { resolveOptions } from "../src/config.ts"
import { EmbeddedLog } from "../src/EmbeddedLog.ts"
import { lettersOf, drainAll, drainOnce, lease, live, options, publish, refused } from "./lives.ts"
import { withDirectory } from "./support.ts"

const GONE = { user_id: "gone-4711", properties: '{"note":"secret-0815"}' }
const SECRETS = ["gone-4711", "secret-0815"]
const erasure = erasureOf("gone-4711")

/** Stored: 1–80. Dead letters: 90–92. Waiting: 101–106. The user's are every fourth page, letter 91 and 104–106. */
const fill = Effect.gen(function* () {
  for (let from = 1; from <= 80; from += 4) yield* publish(from, 4, from % 16 === 1 ? GONE : {})
  yield* drainAll
  for (const id of [90, 91, 92]) yield* publish(id, 1, id === 91 ? GONE : {})
  const setAside = Effect.flatMap(EventQueue, (queue) =>
    Effect.flatMap(queue.take(lease), ({ batches }) =>
      Effect.forEach(batches, (batch) =>
        lettersOf((letters) => letters.put(batch, { ...refused, message: `refused: ${batch.events[0]!.properties}` }))
      )
    )
  )
  yield* Effect.scoped(setAside)
  yield* publish(101, 3)
  yield* publish(104, 3, GONE)
})

/** Of all stored events, the ids of redacted ones. */
const redacted = Effect.gen(function* () {
  yield* drainAll
  const page = yield* (yield* EventStore).replay({ after: "", limit: 1_000 })
  const events = page.batches.flatMap((batch) => batch.events)
  assert.strictEqual(events.length, 86)
  assert.isTrue(page.caughtUp)
  return events.filter(isRedacted).map(({ event_id }) => event_id)
})

const EXPECTED = [1, 2, 3, 4, 17, 18, 19, 20, 33, 34, 35, 36, 49, 50, 51, 52, 65, 66, 67, 68, 104, 105, 106].map(idOf)
const counts = Effect.flatMap(QueueLedger, (queue) => queue.counts)

describe("Embedded: erase", () => {
  it("no file holds a byte of the user: sealed segments, the active one, letters; and none comes back with a restart", () =>
    withDirectory(async (directory) => {
      await live(
        directory,
        Effect.gen(function* () {
          yield* fill
          assert.isAtLeast(filesHolding(directory, SECRETS).length, 6)
          const before = yield* counts
          const erased = yield* (yield* QueueErasure).erase(erasure)
          assert.deepStrictEqual(erased, [
            { place: "queue", events: 3 },
            { place: "dead_letters", events: 1 },
            { place: "store", events: 20 }
          ])
          assert.deepStrictEqual(filesHolding(directory, SECRETS), [])
          assert.deepStrictEqual(yield* counts, before)
        })
      )
      assert.deepStrictEqual(filesHolding(directory, SECRETS), [])
      const found = await live(directory, Effect.zip(redacted, counts))
      assert.deepStrictEqual(found[0], EXPECTED)
      assert.deepStrictEqual([found[1].accepted, found[1].deadLettered], [{ default: 89 }, { default: 3 }])
    }))

  it("what is published while the log is rewritten is neither lost nor doubled", () =>
    withDirectory((directory) =>
      live(
        directory,
        Effect.gen(function* () {
          yield* fill
          const writing = Effect.forEach(
            Array.from({ length: 100 }, (_, index) => 200 + index * 3),
            (from) => publish(from, 3),
            { concurrency: 4 }
          )
          yield* Effect.all([writing, (yield* QueueErasure).erase(erasure), drainOnce()], { concurrency: 3 })
          yield* drainAll
          const page = yield* (yield* EventStore).replay({ after: "", limit: 1_000 })
          const ids = page.batches.flatMap((batch) => batch.events.map(({ event_id }) => event_id))
          assert.strictEqual(new Set(ids).size, 86 + 300)
          assert.strictEqual(ids.length, 86 + 300)
          assert.deepStrictEqual(filesHolding(directory, SECRETS), [])
        })
      )
    ))

  it("an old event comes to nothing by any way in, also after a restart", () =>
    withDirectory(async (directory) => {
      await live(
        directory,
        Effect.flatMap(QueueErasure, (queue) => queue.erase(erasure))
      )
      await live(
        directory,
        Effect.gen(function* () {
          const { tombstones } = yield* QueueErasure
          assert.isTrue(batchOf(1, 3, GONE).events.every((event) => tombstones.isErased(event)))
          assert.isFalse(batchOf(1, 3).events.some((event) => tombstones.isErased(event)))
          yield* (yield* EventStore).append([batchOf(1, 3, GONE)])
          assert.deepStrictEqual(filesHolding(directory, SECRETS), [])
        })
      )
    }))

  it("a failure at any step of the rewriting leaves the log whole, and the next start ends what was begun", async () => {
    const steps = await withDirectory((directory) => eraseWithFailure(directory, Number.POSITIVE_INFINITY))
    assert.isAtLeast(steps, 8)
    for (let failing = 1; failing <= steps; failing++) {
      await withDirectory(async (directory) => {
        await eraseWithFailure(directory, failing)
        assert.deepStrictEqual(await live(directory, redacted), EXPECTED, `step ${failing}`)
        assert.deepStrictEqual(filesHolding(directory, SECRETS), [], `step ${failing}`)
      })
    }
  }, 60_000)
})

/** Every operation on a rewritten copy is a step; the one numbered `failing` and all after it fail. Returns the steps made. */
const eraseWithFailure = async (directory: string, failing: number): Promise<number> => {
  await live(directory, fill)
  let steps = 0
  const step = async <A>(task: () => Promise<A>): Promise<A> => {
    if (++steps >= failing) throw new Error("the disk is gone")
    return task()
  }
  const open: Files["open"] = async (path, flags) => {
    if (!path.endsWith(".rewritten")) return nodeFiles.open(path, flags)
    const file = await step(() => nodeFiles.open(path, flags))
    return {
      ...file,
      write: (bytes, position) => step(() => file.write(bytes, position)),
      datasync: () => step(() => file.datasync())
    }
  }
  const files = { ...nodeFiles, open }
  const log = await EmbeddedLog.open(resolveOptions({ directory, ...options }), { identities: true, files })
  const failed = await log.erase(erasure).then(
    () => false,
    () => true
  )
  assert.strictEqual(failed, failing <= steps)
  await log.close()
  return steps
}
