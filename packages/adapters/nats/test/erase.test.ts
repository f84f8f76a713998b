import { assert, describe, it } from "@effect/vitest"
import type { DeadLetterReason, Erased } from "@millrace/core"
import { batchOf, erasureOf, filesHolding } from "@millrace/testing"
import { nats } from "@millrace/test-services"
import { Effect, Fiber } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { FILE_STORE_BYTES, lease, openQueue, uniqueName } from "./support.ts"

const SECRETS = ["gone-4711", "secret-0815"]
const GONE = { user_id: "gone-4711", properties: '{"note":"secret-0815"}' }
const erasure = erasureOf("gone-4711")
const refused: DeadLetterReason = { stage: "store", code: "Refused", message: "refused: secret-0815", attempts: 1 }

/** A server with a folder of its own, which is searched. */
const withServer = async (version: string, use: (url: string, directory: string) => Promise<void>) => {
  const storeDirectory = mkdtempSync(join(tmpdir(), "millrace-nats-erase-"))
  const server = await nats({ version, storeDirectory, maxFileStoreBytes: FILE_STORE_BYTES }).start()
  try {
    await use(server.url, storeDirectory)
  } finally {
    await server.close()
    rmSync(storeDirectory, { recursive: true, force: true })
  }
}

const isPending = (erased: ReadonlyArray<Erased>) => erased.some(({ pending }) => pending === true)

for (const version of ["2.9", "2.10", "2.15"]) {
  const located = await nats({ version }).locate()
  describe.skipIf(located._tag === "Missing" && process.env["CI"] !== "true")(`nats ${version}: erase`, () => {
    it(
      "no file of the server holds a byte of the user, consumed messages and letters included",
      () =>
        withServer(version, async (url, directory) => {
          const queue = openQueue({ servers: [url], name: uniqueName() })
          // In front: it keeps the file in which the others lie.
          for (let from = 1; from <= 40; from += 2) {
            await queue.run((open) => open.publish(batchOf(from, 2, { properties: `{"pad":"${"x".repeat(500)}"}` })))
          }
          for (const from of [101, 103, 105]) await queue.run((open) => open.publish(batchOf(from, 2, GONE)))
          await queue.run((open) =>
            Effect.gen(function* () {
              const front = yield* open.take({ ...lease, limit: 40 })
              assert.strictEqual(
                front.batches.reduce((sum, { count }) => sum + count, 0),
                40
              )
              // Stored, as far as the queue is concerned; and set aside.
              yield* Effect.scoped(open.take({ ...lease, limit: 2 }))
              yield* Effect.scoped(
                Effect.flatMap(open.take({ ...lease, limit: 2 }), ({ batches }) =>
                  open.letters.put(batches[0]!, refused)
                )
              )
              assert.isAtLeast(filesHolding(directory, SECRETS).length, 2)
              const first = yield* open.erase(erasure)
              assert.deepStrictEqual(
                first.map(({ events, place }) => [place, events]),
                [
                  ["queue", 2],
                  ["dead_letters", 2]
                ]
              )
              assert.isTrue(isPending(first), "what was consumed lies between messages that wait")
            }).pipe(Effect.scoped)
          )
          const again = await queue.run((open) =>
            Effect.gen(function* () {
              // A worker goes on, and new messages keep the stream from ever being empty.
              const consumed = yield* Effect.forkChild(Effect.forever(Effect.scoped(open.take({ ...lease, limit: 2 }))))
              const published = yield* Effect.forkChild(Effect.forever(Effect.delay(open.publish(batchOf(201, 2)), 1)))
              const erased = yield* open.erase({ ...erasure, until: erasure.until + 1 })
              yield* Fiber.interrupt(published)
              yield* Fiber.interrupt(consumed)
              return erased
            })
          )
          assert.isFalse(isPending(again))
          assert.deepStrictEqual(filesHolding(directory, SECRETS), [])
          await queue.close()
        }),
      120_000
    )
  })
}
