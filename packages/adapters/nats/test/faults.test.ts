import { EventBatch, type EventQueue, MAX_MESSAGE_BYTES } from "@millrace/core"
import { batchOf, eventOf, idOf } from "@millrace/testing"
import { nats } from "@millrace/test-services"
import { describeWithService } from "@millrace/test-services/vitest"
import { jetstreamManager } from "@nats-io/jetstream"
import { connect } from "@nats-io/transport-node"
import { Effect, Fiber } from "effect"
import { expect, it } from "vitest"
import { consume, FILE_STORE_BYTES, insist, lease, ofDefault, openQueue, uniqueName } from "./support.ts"

const ids = (from: number, count: number) => Array.from({ length: count }, (_, index) => idOf(from + index))

/** One event of about this size. */
const bulky = (number: number, bytes: number) =>
  EventBatch.fromEvents([eventOf(number, { properties: JSON.stringify({ text: "x".repeat(bytes) }) })])

for (const version of ["2.9", "2.15"]) {
  const service = nats({ version, maxFileStoreBytes: FILE_STORE_BYTES })
  await describeWithService(`nats ${version}`, service, (server, { owned }) => {
    it("a full stream refuses, and takes again once a worker has made room", async () => {
      const queue = openQueue({ servers: [server().url], name: uniqueName(), maxBytes: 256 << 10 })
      const reasons: Array<string | undefined> = []
      while (reasons.at(-1) === undefined && reasons.length < 1_000) {
        const batch = bulky(reasons.length + 1, 20_000)
        reasons.push(await queue.reasonOf((one) => one.publish(batch)))
      }
      const sent = reasons.length
      expect(reasons.at(-1)).toBe("QueueFull")
      expect(ofDefault(await queue.run((one) => one.counts))).toMatchObject({ accepted: sent - 1, waiting: sent - 1 })
      await queue.run((one) => consume(one))
      expect(await queue.reasonOf((one) => one.publish(bulky(sent, 20_000)))).toBeUndefined()
      await queue.close()
    })

    it("two workers share the messages and never one of them", async () => {
      const options = { name: uniqueName(), maxMessages: 4 }
      const workers = [0, 1].map(() => openQueue({ ...options, servers: [server().url] }))
      for (let from = 1; from <= 99; from += 3) await workers[0]!.run((one) => one.publish(batchOf(from, 3)))
      const taken: Array<string> = []
      await Promise.all(
        workers.map(async (worker) => {
          while (taken.length < 99) {
            taken.push(...((await worker.run((one) => consume(one, { ...lease, limit: 6 }, 500)))?.ids ?? []))
          }
        })
      )
      for (const worker of workers) expect(await worker.run((one) => consume(one, lease, 500))).toBeUndefined()
      expect(taken.toSorted()).toEqual(ids(1, 99))
      const counts = await Promise.all(workers.map((worker) => worker.run((one) => one.counts)))
      expect(counts.map(ofDefault)).toEqual(
        workers.map(() => ({ accepted: 99, deadLettered: 0, replayed: 0, waiting: 0 }))
      )
      await Promise.all(workers.map((worker) => worker.close()))
    })

    it("requests that come together share messages, and each is acknowledged", async () => {
      const queue = openQueue({ servers: [server().url], name: uniqueName() })
      await queue.run((one) =>
        Effect.forEach(
          Array.from({ length: 300 }, (_, index) => batchOf(index + 1, 1)),
          one.publish,
          {
            concurrency: "unbounded",
            discard: true
          }
        )
      )
      const taken = await queue.run((one) => consume(one, { ...lease, limit: 1_000 }))
      expect(taken!.ids.toSorted()).toEqual(ids(1, 300))
      expect(taken!.positions.length).toBeLessThan(300)
      await queue.close()
    })

    it("large messages come in deliveries of bounded size, all of them", async () => {
      const queue = openQueue({ servers: [server().url], name: uniqueName() })
      for (let number = 1; number <= 40; number++) await queue.run((one) => one.publish(bulky(number, 450_000)))
      const taken: Array<string> = []
      let deliveries = 0
      for (; taken.length < 40; deliveries++) taken.push(...(await queue.run((one) => consume(one)))!.ids)
      expect(taken.toSorted()).toEqual(ids(1, 40))
      expect(deliveries).toBeGreaterThan(1)
      await queue.close()
    })

    it("full dead letters hold up neither the message's neighbours nor the worker", async () => {
      const queue = openQueue({
        servers: [server().url],
        name: uniqueName(),
        maxDeadLetterBytes: 1_000,
        maxAttempts: 1
      })
      await queue.run((one) => one.publish(bulky(1, 5_000)))
      const fail = (one: EventQueue["Service"]) =>
        one.take(lease).pipe(Effect.andThen(Effect.fail("no" as const)), Effect.scoped, Effect.ignore)
      await queue.run(fail)
      await queue.run((one) => one.publish(batchOf(2, 1)))
      expect((await queue.run((one) => consume(one)))!.ids).toEqual(ids(2, 1))
      expect(ofDefault(await queue.run((one) => one.counts))).toEqual({
        accepted: 2,
        deadLettered: 0,
        replayed: 0,
        waiting: 1
      })
      await queue.close()
    })

    it("a consumer that was deleted is told, not waited for", async () => {
      const name = uniqueName()
      const queue = openQueue({ servers: [server().url], name })
      await queue.run((one) => one.publish(batchOf(1, 1)))
      const connection = await connect({ servers: server().url })
      await (await jetstreamManager(connection)).consumers.delete(name, "worker")
      expect(await queue.reasonOf((one) => Effect.scoped(one.take(lease)))).toBe("QueueUnavailable")
      await connection.close()
      await queue.close()
      const again = openQueue({ servers: [server().url], name })
      expect((await again.run((one) => consume(one)))!.ids).toEqual(ids(1, 1))
      await again.close()
    })

    it("what a closing worker held is no attempt for the next one", async () => {
      const name = uniqueName()
      const first = openQueue({ servers: [server().url], name })
      await first.run((one) => one.publish(batchOf(1, 2)))
      await first.run((one) =>
        Effect.gen(function* () {
          const holder = yield* Effect.forkChild(Effect.scoped(Effect.andThen(one.take(lease), Effect.never)))
          yield* Effect.sleep(100)
          yield* Fiber.interrupt(holder)
        })
      )
      await first.close()
      const second = openQueue({ servers: [server().url], name })
      expect(await second.run((one) => consume(one))).toMatchObject({ attempt: 1, ids: ids(1, 2) })
      await second.close()
    })

    it("a lease longer than the server's is renewed while it is held", async () => {
      const name = uniqueName()
      const queue = openQueue({ servers: [server().url], name, redeliverMillis: 1_500 })
      await queue.run((one) => one.publish(batchOf(1, 2)))
      const other = openQueue({ servers: [server().url], name, redeliverMillis: 1_500 })
      const seen = await queue.run((one) =>
        Effect.scoped(
          Effect.andThen(
            one.take(lease),
            Effect.promise(() => other.run((second) => consume(second, lease, 4_000)))
          )
        )
      )
      expect(seen).toBeUndefined()
      expect(ofDefault(await other.run((one) => one.counts))).toMatchObject({ accepted: 2, waiting: 0 })
      await Promise.all([queue.close(), other.close()])
    })

    it("what was answered is renewed no more", async () => {
      const name = uniqueName()
      const queue = openQueue({ servers: [server().url], name, redeliverMillis: 300 })
      const connection = await connect({ servers: server().url })
      const renewed: Array<string> = []
      connection.subscribe(`$JS.ACK.${name}.>`, {
        callback: (_, message) => {
          if (message.string() === "+WPI") renewed.push(message.subject.split(".")[5]!)
        }
      })
      await queue.run((one) => one.publish(batchOf(1, 2)))
      await queue.run((one) => consume(one))
      await queue.run((one) => one.publish(batchOf(3, 2)))
      renewed.length = 0
      const sawTwo = Effect.promise(async () => {
        while (renewed.filter((position) => position === "2").length < 2) await new Promise((go) => setTimeout(go, 20))
      })
      await queue.run((one) => Effect.scoped(Effect.andThen(one.take(lease), sawTwo)))
      expect(new Set(renewed)).toEqual(new Set(["2"]))
      await connection.close()
      await queue.close()
    })

    if (!owned) return
    it("a dead server is unavailable at once, and works again without a new layer", async () => {
      const queue = openQueue({ servers: [server().url], name: uniqueName() })
      await queue.run((one) => one.publish(batchOf(1, 2)))
      await server().kill()
      const refused = ["QueueUnavailable", "PublishAmbiguous"]
      expect(refused).toContain(await queue.reasonOf((one) => one.publish(batchOf(3, 1))))
      expect(await queue.reasonOf((one) => one.publish(batchOf(3, 1)))).toBe("QueueUnavailable")
      expect(await queue.reasonOf((one) => one.waiting)).toBe("QueueUnavailable")
      expect(await queue.reasonOf((one) => Effect.scoped(one.take(lease)))).toBe("QueueUnavailable")
      await server().start()
      await insist(() => queue.run((one) => one.publish(batchOf(3, 1))))
      const taken = [...(await queue.run((one) => consume(one)))!.ids]
      while (taken.length < 3) taken.push(...(await queue.run((one) => consume(one)))!.ids)
      expect(taken.toSorted()).toEqual(ids(1, 3))
      await queue.close()
    })

    it("a worker that waits while the server dies fails, and takes from the one that comes back", async () => {
      const queue = openQueue({ servers: [server().url], name: uniqueName() })
      await queue.run((one) => one.waiting)
      const waiting = queue.reasonOf((one) => consume(one))
      await new Promise((resolve) => setTimeout(resolve, 100))
      await server().kill()
      expect(await waiting).toBe("QueueUnavailable")
      await server().start()
      await insist(() => queue.run((one) => one.publish(batchOf(1, 1))))
      expect((await queue.run((one) => consume(one)))!.ids).toEqual(ids(1, 1))
      await queue.close()
    })

    it("a stopped server acknowledges nothing; what was ambiguous is there once or not at all", async () => {
      const queue = openQueue({ servers: [server().url], name: uniqueName(), publishTimeoutMillis: 400 })
      await queue.run((one) => one.waiting)
      server().pause()
      const reasons = await Promise.all(
        [1, 2, 3].map((number) => queue.reasonOf((one) => one.publish(batchOf(number, 1))))
      )
      server().resume()
      for (const reason of reasons) expect(["PublishAmbiguous", "QueueUnavailable"]).toContain(reason)
      await insist(() => queue.run((one) => one.publish(batchOf(4, 1))))
      const { accepted } = ofDefault(await queue.run((one) => one.counts))
      const taken: Array<string> = []
      while (taken.length < accepted) taken.push(...(await queue.run((one) => consume(one)))!.ids)
      expect(new Set(taken).size).toBe(taken.length)
      expect(taken).toContain(idOf(4))
      expect(ids(1, 4)).toEqual(expect.arrayContaining(taken))
      await queue.close()
    })
  })
}

await describeWithService(
  "small payload",
  nats({ maxPayloadBytes: 64 << 10, maxFileStoreBytes: FILE_STORE_BYTES }),
  (server) => {
    it("a batch larger than the server carries is refused before it is sent", async () => {
      const queue = openQueue({ servers: [server().url], name: uniqueName() })
      expect(await queue.reasonOf((one) => one.publish(bulky(1, 64 << 10)))).toBe("MessageTooLarge")
      expect(await queue.reasonOf((one) => one.publish(bulky(2, MAX_MESSAGE_BYTES >> 4)))).toBeUndefined()
      await queue.close()
    })
  }
)
