import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { assert, it } from "@effect/vitest"
import { type EventBatch, EventQueue, EventQueueError, Pipeline, QueueFull } from "@millrace/core"
import { layerMemoryQueue, layerMemoryStore, layerMemoryWarehouse } from "@millrace/core/memory"
import { Clock, Duration, Effect, Exit, Layer } from "effect"
import { folderSink } from "../src/import/folderSink.ts"
import { httpSink } from "../src/import/httpSink.ts"
import { httpTarget } from "../src/target/Target.ts"

/** Time that passes only by waiting: what was waited for, in seconds. */
const waitingClock = (waits: Array<number>): Clock.Clock => {
  let millis = Date.UTC(2026, 0, 15)
  const nanos = () => BigInt(millis) * 1_000_000n
  return {
    currentTimeMillisUnsafe: () => millis,
    currentTimeMillis: Effect.sync(() => millis),
    currentTimeNanosUnsafe: nanos,
    currentTimeNanos: Effect.sync(nanos),
    monotonicTimeNanosUnsafe: nanos,
    monotonicTimeNanos: Effect.sync(nanos),
    sleep: (duration) =>
      Effect.sync(() => {
        millis += Duration.toMillis(duration)
        waits.push(Duration.toSeconds(duration))
      })
  }
}

type Reply = { readonly status: number; readonly retryAfter?: string } | "cut"

/** Answers in this order, the last one from then on. */
const serving = (replies: ReadonlyArray<Reply>) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly server: Server; readonly url: string; readonly asked: () => number }>((resume) => {
      let asked = 0
      const server = createServer((request, response) => {
        const reply = replies[Math.min(asked++, replies.length - 1)]!
        if (reply === "cut") return request.socket.destroy()
        request.resume().on("end", () => {
          const headers = reply.retryAfter === undefined ? {} : { "retry-after": reply.retryAfter }
          response.writeHead(reply.status, headers).end(JSON.stringify({ title: "t", accepted: 1, rejected: [] }))
        })
      })
      server.listen(0, "127.0.0.1", () => {
        const { port } = server.address() as AddressInfo
        resume(Effect.succeed({ server, url: `http://127.0.0.1:${port}`, asked: () => asked }))
      })
    }),
    ({ server }) =>
      Effect.sync(() => {
        server.closeAllConnections()
        server.close()
      })
  )

const EVENT = {
  event_id: "019bc000-0000-7000-8000-000000000001",
  user_id: "u",
  event_type: "t",
  occurred_at: "2026-01-15T00:00:00Z"
}

const sendTo = Effect.fnUntraced(function* (replies: ReadonlyArray<Reply>) {
  const waits: Array<number> = []
  const server = yield* serving(replies)
  const exit = yield* httpSink(httpTarget({ url: server.url, key: undefined }))
    .publish([EVENT])
    .pipe(Effect.provideService(Clock.Clock, waitingClock(waits)), Effect.exit)
  return { asked: server.asked(), exit, waits }
})

const busy = (status: number, retryAfter?: string): Reply =>
  retryAfter === undefined ? { status } : { status, retryAfter }

it.live(
  "over HTTP: a busy server is waited for as long as it says, half a minute at most, else twice as long each time",
  () =>
    Effect.gen(function* () {
      const { exit, waits } = yield* sendTo([busy(503, "3"), busy(429), busy(503, "90"), "cut", "cut", { status: 202 }])
      assert.strictEqual(exit._tag, "Success")
      assert.deepStrictEqual(waits, [3, 1, 30, 4, 8])
    }).pipe(Effect.scoped)
)

it.live("over HTTP: the eighth busy answer is the failure, and what is not busy ends it at once", () =>
  Effect.gen(function* () {
    const failed = yield* sendTo([busy(503)])
    assert.strictEqual(failed.asked, 8)
    assert.deepStrictEqual(failed.waits, [0.5, 1, 2, 4, 8, 16, 30])
    assert.match(String(failed.exit), /answered 503: t/u)
    const refused = yield* sendTo([busy(503, "0"), busy(401)])
    assert.deepStrictEqual([refused.asked, refused.waits], [2, [0]])
    assert.match(String(refused.exit), /answered 401: t/u)
  }).pipe(Effect.scoped)
)

const fullQueue = (times: number) =>
  Layer.effect(
    EventQueue,
    Effect.map(EventQueue, (queue) => {
      let left = times
      const full = () => new EventQueueError({ operation: "publish", reason: new QueueFull({ retryAfterSeconds: 7 }) })
      return {
        ...queue,
        publish: (batch: EventBatch) => Effect.suspend(() => (left-- > 0 ? Effect.fail(full()) : queue.publish(batch)))
      }
    })
  ).pipe(Layer.provideMerge(layerMemoryQueue()))

const publishTo = (times: number) => {
  const waits: Array<number> = []
  return Effect.gen(function* () {
    const sink = yield* folderSink("a folder")
    const refused = yield* Effect.exit(Effect.provideService(sink.publish([EVENT]), Clock.Clock, waitingClock(waits)))
    return { refused, waits }
  }).pipe(
    Effect.provide(
      Pipeline.layer().pipe(
        Layer.provideMerge(Layer.mergeAll(fullQueue(times), layerMemoryStore, layerMemoryWarehouse))
      )
    ),
    Effect.scoped
  )
}

it.live("into a folder: a full queue is waited for as long as it says, 59 times", () =>
  Effect.gen(function* () {
    const taken = yield* publishTo(2)
    assert.deepStrictEqual(taken.refused, Exit.succeed([]))
    assert.deepStrictEqual(taken.waits, [7, 7])
    const given = yield* publishTo(1_000)
    assert.strictEqual(given.refused._tag, "Failure")
    assert.strictEqual(given.waits.filter((seconds) => seconds === 7).length, 59)
  })
)
