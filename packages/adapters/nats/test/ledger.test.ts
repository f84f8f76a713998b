import { LedgerLog } from "@millrace/core/account"
import { batchOf, idOf } from "@millrace/testing"
import { nats } from "@millrace/test-services"
import { describeWithService } from "@millrace/test-services/vitest"
import { jetstreamManager } from "@nats-io/jetstream"
import { Effect } from "effect"
import { expect, it } from "vitest"
import { Broker } from "../src/client.ts"
import { resolveOptions } from "../src/config.ts"
import { recordLogOf } from "../src/recordLog.ts"
import { namesOf } from "../src/subjects.ts"
import { consume, FILE_STORE_BYTES, lease, ofDefault, openQueue, uniqueName } from "./support.ts"

await describeWithService("ledger", nats({ maxFileStoreBytes: FILE_STORE_BYTES }), (server) => {
  const brokerOf = (name: string) => Broker.connect(resolveOptions({ servers: [server().url], name }))

  it("checkpoints: counts stay, the records behind them go, and a process that was behind catches up", async () => {
    const name = uniqueName()
    const options = { servers: [server().url] as const, name }
    const queue = openQueue(options)
    const behind = openQueue(options)
    for (let from = 1; from <= 39; from += 3) {
      await queue.run((one) => one.publish(batchOf(from, 3)))
      await queue.run((one) => consume(one))
      if (from === 19) await behind.run((one) => one.counts)
    }
    await queue.run((one) => one.publish(batchOf(40, 3)))
    const broker = await brokerOf(name)
    await new LedgerLog(recordLogOf(broker, namesOf(name))).checkpoint()
    await queue.run((one) => one.publish(batchOf(43, 3)))
    await queue.run((one) => consume(one, { ...lease, limit: 3 }))
    const { state } = await broker.streams.info(`${name}-ledger`, { subjects_filter: ">" })
    expect(state.subjects).toEqual({ [`${name}.ledger.checkpoint`]: 1, [`${name}.ledger.record`]: 1 })
    const fresh = openQueue(options)
    for (const one of [queue, behind, fresh]) {
      expect(ofDefault(await one.run((service) => service.counts))).toMatchObject({ accepted: 45, waiting: 3 })
    }
    await broker.connection.close()
    await Promise.all([queue, behind, fresh].map((one) => one.close()))
  })

  it("checkpoints: of several at once one is written, and none counts wrong", async () => {
    const name = uniqueName()
    const queue = openQueue({ servers: [server().url], name })
    for (let from = 1; from <= 9; from += 3) {
      await queue.run((one) => one.publish(batchOf(from, 3)))
      await queue.run((one) => consume(one))
    }
    const brokers = await Promise.all([1, 2, 3].map(() => brokerOf(name)))
    await Promise.all(brokers.map((broker) => new LedgerLog(recordLogOf(broker, namesOf(name))).checkpoint()))
    expect(ofDefault(await queue.run((one) => one.counts))).toMatchObject({ accepted: 9, waiting: 0 })
    await Promise.all(brokers.map(({ connection }) => connection.close()))
    await queue.close()
  })

  it("checkpoints: lose no record that is written meanwhile", async () => {
    const name = uniqueName()
    const queue = openQueue({ servers: [server().url], name })
    await queue.run((one) => one.waiting)
    const brokers = await Promise.all([1, 2, 3, 4].map(() => brokerOf(name)))
    const [writer, cutter, other, late] = brokers.map((broker) => new LedgerLog(recordLogOf(broker, namesOf(name))))
    const write = async () => {
      for (let at = 1; at <= 300; at++) {
        const messages = [{ position: at, project_id: "default", count: 2, replay: false }]
        await writer!.append({ _tag: "Settled", messages })
      }
    }
    const cut = async (ledger: LedgerLog) => {
      for (let time = 0; time < 40; time++) await ledger.checkpoint()
    }
    await Promise.all([write(), cut(cutter!), cut(other!)])
    for (const ledger of [writer!, cutter!, other!, late!]) {
      await ledger.refresh()
      expect(ledger.state.accepted).toEqual({ default: 600 })
    }
    await Promise.all(brokers.map(({ connection }) => connection.close()))
    await queue.close()
  })

  it("a message that is settled but back in the stream is neither counted nor kept", async () => {
    const name = uniqueName()
    const queue = openQueue({ servers: [server().url], name, sweepEveryMillis: 60_000 })
    await queue.run((one) => one.publish(batchOf(1, 3)))
    const broker = await brokerOf(name)
    // As after a crash between the record and the acknowledgement.
    const ledger = new LedgerLog(recordLogOf(broker, namesOf(name)))
    const messages = [{ position: 1, project_id: "default", count: 3, replay: false }]
    await ledger.append({ _tag: "Settled", messages })
    expect(ofDefault(await queue.run((one) => one.counts))).toMatchObject({ accepted: 3, waiting: 0 })
    expect(await queue.run((one) => one.waiting)).toMatchObject({ events: 0, oldestReceivedAt: undefined })
    expect(await queue.run((one) => consume(one, lease, 300))).toBeUndefined()
    const { state } = await (await jetstreamManager(broker.connection)).streams.info(name)
    expect(state.messages).toBe(0)
    await broker.connection.close()
    await queue.close()
  })

  const reason = { stage: "store", code: "Refused", message: "by the test", attempts: 1 } as const

  it("deadLetter: two processes that set the same events aside at once make each a letter once", async () => {
    const name = uniqueName()
    const queues = [0, 1].map(() => openQueue({ servers: [server().url], name }))
    const [queue, other] = queues
    await queue!.run((one) => one.publish(batchOf(1, 50)))
    await other!.run((one) => one.waiting)
    await queue!.run((one) =>
      Effect.scoped(
        Effect.flatMap(one.take(lease), ({ batches }) =>
          Effect.all(
            [
              one.letters.put(batches[0]!, reason),
              Effect.promise(() => other!.run((service) => service.letters.put(batches[0]!, reason)))
            ],
            { concurrency: "unbounded" }
          )
        )
      )
    )
    expect(await queue!.run((one) => one.letters.list({ limit: 1_000 }))).toHaveLength(50)
    expect(ofDefault(await other!.run((one) => one.counts))).toMatchObject({
      accepted: 50,
      deadLettered: 50,
      waiting: 0
    })
    await Promise.all(queues.map((one) => one.close()))
  })

  it("deadLetter: an event that was set aside and purged is not set aside again", async () => {
    const queue = openQueue({ servers: [server().url], name: uniqueName() })
    await queue.run((one) => one.publish(batchOf(1, 3)))
    await queue.run((one) =>
      Effect.scoped(
        Effect.gen(function* () {
          const { batches } = yield* one.take(lease)
          yield* one.letters.put(batches[0]!.slice(0, 1), reason)
          yield* one.letters.purge("all")
          yield* one.letters.put(batches[0]!.slice(0, 2), reason)
        })
      )
    )
    const letters = await queue.run((one) => one.letters.list({ limit: 10 }))
    expect(letters.map(({ event }) => event.event_id)).toEqual([idOf(2)])
    expect(ofDefault(await queue.run((one) => one.counts))).toMatchObject({ accepted: 3, deadLettered: 2, waiting: 0 })
    await queue.close()
  })

  it("take: leaves out what was set aside in a delivery that failed", async () => {
    const queue = openQueue({ servers: [server().url], name: uniqueName() })
    await queue.run((one) => one.publish(batchOf(1, 3)))
    await queue.run((one) =>
      one.take(lease).pipe(
        Effect.flatMap(({ batches }) => one.letters.put(batches[0]!.slice(1, 2), reason)),
        Effect.andThen(Effect.fail("no" as const)),
        Effect.scoped,
        Effect.ignore
      )
    )
    expect((await queue.run((one) => consume(one)))!.ids).toEqual([1, 3].map(idOf))
    expect(ofDefault(await queue.run((one) => one.counts))).toMatchObject({ accepted: 3, deadLettered: 1, waiting: 0 })
    await queue.close()
  })

  it("replay: the same letters replayed by two processes at once are one message", async () => {
    const name = uniqueName()
    const queues = [0, 1].map(() => openQueue({ servers: [server().url], name }))
    const [queue] = queues
    await queue!.run((one) => one.publish(batchOf(1, 3)))
    await queue!.run((one) =>
      Effect.scoped(Effect.flatMap(one.take(lease), ({ batches }) => one.letters.put(batches[0]!, reason)))
    )
    await Promise.all(queues.map((one) => one.run((service) => service.letters.replay("all"))))
    expect((await queue!.run((one) => consume(one)))!.ids).toEqual([1, 2, 3].map(idOf))
    expect(ofDefault(await queue!.run((one) => one.counts))).toEqual({
      accepted: 6,
      deadLettered: 3,
      replayed: 3,
      waiting: 0
    })
    await Promise.all(queues.map((one) => one.close()))
  })
})
