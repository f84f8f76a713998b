import { mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { EventQueue } from "@millrace/core"
import { batchOf, eventQueueContract, storeServicesContract } from "@millrace/testing"
import { Effect } from "effect"
import { expect, it } from "vitest"
import { layerLineFileQueue } from "../src/LineFileQueue.ts"
import { layerLineFile } from "../src/LineFileStore.ts"

const newFile = (name: string) => join(mkdtempSync(join(tmpdir(), "millrace-example-")), name)

eventQueueContract("line file", { layer: () => layerLineFileQueue(newFile("queue.ndjson")), maxAttempts: 3 })

storeServicesContract("line file", { layer: () => layerLineFile(newFile("events.ndjson")) })

it("the queue opened anew has what was not acknowledged, and nothing else", async () => {
  const path = newFile("queue.ndjson")
  const life = <A, E>(body: Effect.Effect<A, E, EventQueue>) =>
    Effect.runPromise(Effect.provide(body, layerLineFileQueue(path)))
  const takeOne = Effect.scoped(EventQueue.use(({ take }) => take({ limit: 1, ackWaitMillis: 10_000 })))
  await life(
    EventQueue.use(({ publish }) => Effect.forEach([1, 4, 7], (from) => publish(batchOf(from, 3)), { discard: true }))
  )
  const first = await life(takeOne)
  expect(first.batches[0]?.events).toEqual(batchOf(1, 3).events)
  expect((await life(EventQueue.use(({ waiting }) => waiting))).events).toBe(6)
  expect((await life(takeOne)).batches[0]?.events).toEqual(batchOf(4, 3).events)
})
