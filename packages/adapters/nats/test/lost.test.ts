import type { QueueCounts } from "@millrace/core"
import { batchOf } from "@millrace/testing"
import { nats } from "@millrace/test-services"
import { describeWithService } from "@millrace/test-services/vitest"
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream"
import { connect, type NatsConnection } from "@nats-io/transport-node"
import { Effect } from "effect"
import fc from "fast-check"
import { afterAll, beforeAll, expect, it } from "vitest"
import {
  consume,
  FILE_STORE_BYTES,
  insist,
  lease,
  type OpenQueue,
  openQueue,
  type Taken,
  uniqueName
} from "./support.ts"

const lostOf = ({ accepted, deadLettered, lost, waiting }: QueueCounts) => ({
  accepted: accepted["default"] ?? 0,
  dead: deadLettered["default"] ?? 0,
  waiting: waiting["default"] ?? 0,
  lost: lost["default"] ?? 0
})
const countsOf = (queue: OpenQueue) => queue.run((one) => Effect.map(one.counts, lostOf))
const reason = { stage: "store", code: "Refused", message: "by the test", attempts: 1 } as const

await describeWithService("lost", nats({ maxFileStoreBytes: FILE_STORE_BYTES }), (server) => {
  let connection: NatsConnection
  let manager: JetStreamManager
  beforeAll(async () => {
    connection = await connect({ servers: server().url })
    manager = await jetstreamManager(connection)
  })
  afterAll(() => connection.close())
  const optionsOf = (name: string) => ({ servers: [server().url] as const, name, sweepEveryMillis: 100 })

  it("purge: what was accepted stays accepted, and is lost to the event; by whoever looks", async () => {
    const name = uniqueName()
    const [publisher, other] = [openQueue(optionsOf(name)), openQueue(optionsOf(name))]
    await publisher.run((one) => one.publish(batchOf(1, 7)))
    await publisher.run((one) => consume(one))
    await publisher.run((one) => one.publish(batchOf(8, 50)))
    await other.run((one) => one.publish(batchOf(58, 43)))
    await manager.streams.purge(name)
    for (const queue of [publisher, other]) {
      expect(await countsOf(queue)).toEqual({ accepted: 100, dead: 0, waiting: 0, lost: 93 })
      expect(await queue.run((one) => one.lost)).toBe(93)
    }
    await publisher.run((one) => one.publish(batchOf(101, 5)))
    await publisher.run((one) => consume(one))
    expect(await countsOf(other)).toEqual({ accepted: 105, dead: 0, waiting: 0, lost: 93 })
    await Promise.all([publisher, other].map((queue) => queue.close()))
    const fresh = openQueue(optionsOf(name))
    expect(await countsOf(fresh)).toEqual({ accepted: 105, dead: 0, waiting: 0, lost: 93 })
    await fresh.close()
  })

  it("a message that is deleted is lost; one that a worker holds meanwhile is not, once it is settled", async () => {
    const name = uniqueName()
    const queue = openQueue(optionsOf(name))
    for (const from of [1, 11, 21]) await queue.run((one) => one.publish(batchOf(from, 10)))
    const held = await queue.run((one) =>
      Effect.scoped(
        Effect.gen(function* () {
          const { batches } = yield* one.take({ ...lease, limit: 10 })
          yield* one.letters.put(batches[0]!.slice(0, 2), reason)
          yield* Effect.promise(() => manager.streams.deleteMessage(name, 1))
          yield* Effect.promise(() => manager.streams.deleteMessage(name, 2))
          yield* one.letters.put(batches[0]!.slice(2, 3), reason)
          return lostOf(yield* one.counts)
        })
      )
    )
    expect(held).toEqual({ accepted: 30, dead: 3, waiting: 10, lost: 17 })
    expect(await countsOf(queue)).toEqual({ accepted: 30, dead: 3, waiting: 10, lost: 10 })
    await queue.close()
  })

  it("a limit that discards is a loss", async () => {
    const name = uniqueName()
    const queue = openQueue(optionsOf(name))
    for (const from of [1, 11, 21]) await queue.run((one) => one.publish(batchOf(from, 10)))
    await manager.streams.update(name, { max_msgs: 1, discard: "old" })
    expect(await countsOf(queue)).toEqual({ accepted: 30, dead: 0, waiting: 10, lost: 20 })
    await queue.close()
  })

  it("the consumer is made again, and all that waits is delivered", async () => {
    const name = uniqueName()
    const queue = openQueue(optionsOf(name))
    await queue.run((one) => one.publish(batchOf(1, 10)))
    await manager.consumers.delete(name, "worker")
    await insist(async () => expect((await queue.run((one) => consume(one, lease, 500)))?.ids).toHaveLength(10))
    expect(await countsOf(queue)).toEqual({ accepted: 10, dead: 0, waiting: 0, lost: 0 })
    await queue.close()
  })

  it("a stream that was deleted is made again; what it held is lost, and what comes is new to every process", async () => {
    const name = uniqueName()
    const before = openQueue(optionsOf(name))
    await before.run((one) => one.publish(batchOf(1, 10)))
    await before.run((one) => consume(one))
    const [publisher, worker] = [openQueue(optionsOf(name)), openQueue(optionsOf(name))]
    await worker.run((one) => one.waiting)
    await publisher.run((one) => one.publish(batchOf(11, 10)))
    await manager.streams.delete(name)
    await insist(() => publisher.run((one) => one.publish(batchOf(21, 10))))
    let delivered = 0
    await insist(async () => {
      const see = ({ ids }: Taken) => void (delivered += ids.length)
      await worker.run((one) => consume(one, lease, 500, see))
      expect(delivered).toBeGreaterThanOrEqual(10)
      expect(await countsOf(worker)).toMatchObject({ waiting: 0 })
    })
    // A publish that fell into the change was in doubt, and came twice.
    const counted = { accepted: 20 + delivered, dead: 0, waiting: 0, lost: 10 }
    // A publisher tells within a moment what it published, and only then is it known to be gone.
    for (const queue of [publisher, worker]) await insist(async () => expect(await countsOf(queue)).toEqual(counted))
    await Promise.all([before, publisher, worker].map((queue) => queue.close()))
    const fresh = openQueue(optionsOf(name))
    expect(await countsOf(fresh)).toEqual(counted)
    await fresh.close()
  })

  it("the ledger's own stream, deleted, is written anew by whoever has it in memory", async () => {
    const name = uniqueName()
    const [publisher, other] = [openQueue(optionsOf(name)), openQueue(optionsOf(name))]
    for (const from of [1, 11]) await publisher.run((one) => one.publish(batchOf(from, 10)))
    await publisher.run((one) => consume(one, { ...lease, limit: 10 }))
    await manager.streams.purge(name)
    const before = await countsOf(publisher)
    expect(before).toMatchObject({ accepted: 20, waiting: 0 })
    await other.run((one) => one.waiting)
    await manager.streams.delete(`${name}-ledger`)
    await insist(() => other.run((one) => one.publish(batchOf(21, 5))))
    for (const queue of [other, publisher]) {
      await insist(async () => expect(await countsOf(queue)).toEqual({ ...before, accepted: 25, waiting: 5 }))
    }
    await Promise.all([publisher, other].map((queue) => queue.close()))
    const fresh = openQueue(optionsOf(name))
    expect(await countsOf(fresh)).toEqual({ ...before, accepted: 25, waiting: 5 })
    await fresh.close()
  })

  it("under purges, deletions and restarts accepted never falls, and lost is what was taken out", async () => {
    const Step = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({
          do: fc.constant("publish" as const),
          by: fc.nat(1),
          events: fc.integer({ min: 1, max: 9 })
        })
      },
      { weight: 3, arbitrary: fc.record({ do: fc.constant("settle" as const), by: fc.nat(1) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant("fail" as const), by: fc.nat(1) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant("purge" as const) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant("delete" as const), at: fc.nat(20) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant("restart" as const), by: fc.nat(1) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant("look" as const), by: fc.nat(1) }) }
    )
    const runs = Number(process.env["MILLRACE_PROPERTY_RUNS"] ?? 12)
    await fc.assert(
      fc.asyncProperty(fc.array(Step, { minLength: 5, maxLength: 30 }), async (steps) => {
        const name = uniqueName()
        const queues = [openQueue(optionsOf(name)), openQueue(optionsOf(name))]
        await Promise.all(queues.map((queue) => queue.run((one) => one.waiting)))
        const inStream = new Map<number, number>()
        const known = { accepted: 0, lost: 0 }
        let next = 1
        const check = async (queue: OpenQueue) => {
          const waiting = [...inStream.values()].reduce((sum, events) => sum + events, 0)
          expect(await countsOf(queue)).toEqual({ ...known, dead: 0, waiting })
        }
        const takeOut = (position: number) => {
          known.lost += inStream.get(position) ?? 0
          inStream.delete(position)
        }
        for (const step of steps) {
          if (step.do === "publish") {
            await queues[step.by]!.run((one) => one.publish(batchOf(next, step.events)))
            next += step.events
            known.accepted += step.events
            const { state } = await manager.streams.info(name)
            inStream.set(state.last_seq, step.events)
          } else if (step.do === "settle" && inStream.size > 0) {
            const taken = await queues[step.by]!.run((one) => consume(one, lease))
            for (const [position, events] of taken!.positions) {
              // Taken out while this process had it already: it is not lost.
              if (!inStream.delete(position)) known.lost -= events
            }
          } else if (step.do === "fail" && inStream.size > 0) {
            await queues[step.by]!.run((one) =>
              Effect.ignore(Effect.scoped(Effect.andThen(one.take({ ...lease, limit: 1 }), Effect.fail("no" as const))))
            )
            // Failed three times it would be a dead letter: that is another law's.
            if (steps.filter((other) => other.do === "fail").length > 2) return
          } else if (step.do === "purge") {
            await manager.streams.purge(name)
            for (const position of inStream.keys()) takeOut(position)
          } else if (step.do === "delete") {
            const position = [...inStream.keys()][step.at]
            if (position === undefined) continue
            await manager.streams.deleteMessage(name, position)
            takeOut(position)
          } else if (step.do === "restart") {
            await queues[step.by]!.close()
            queues[step.by] = openQueue(optionsOf(name))
          } else if (step.do === "look") await check(queues[step.by]!)
        }
        for (const queue of queues) await check(queue)
        await Promise.all(queues.map((queue) => queue.close()))
        await manager.streams.delete(name)
      }),
      {
        numRuns: runs,
        endOnFailure: true,
        ...(process.env["MILLRACE_SEED"] === undefined ? {} : { seed: Number(process.env["MILLRACE_SEED"]) })
      }
    )
  }, 120_000)
})
