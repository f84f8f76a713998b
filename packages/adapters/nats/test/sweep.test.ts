import { spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { batchOf, idOf } from "@millrace/testing"
import { nats } from "@millrace/test-services"
import { describeWithService } from "@millrace/test-services/vitest"
import { jetstream, jetstreamManager } from "@nats-io/jetstream"
import { connect } from "@nats-io/transport-node"
import { Effect } from "effect"
import { setTimeout as sleep } from "node:timers/promises"
import { expect, it } from "vitest"
import { consume, FILE_STORE_BYTES, insist, lease, ofDefault, openQueue, uniqueName } from "./support.ts"

const holder = fileURLToPath(new URL("fixtures/holder.ts", import.meta.url))

/** Runs a worker until it holds a message, and kills it; returns the attempt it saw. */
const killHolder = async (url: string, name: string): Promise<number> => {
  const child = spawn(process.execPath, ["--conditions=source", holder, url, name], {
    stdio: ["ignore", "pipe", "inherit"]
  })
  const exited = once(child, "exit")
  const [said] = (await Promise.race([
    once(child.stdout, "data"),
    exited.then(() => Promise.reject(new Error("the worker ended by itself")))
  ])) as [Buffer]
  child.kill("SIGKILL")
  await exited
  return Number(said.toString())
}

/** Retries until the expectation holds: sweeping happens in the background. */
const eventually = (check: () => Promise<void>) => insist(check)

for (const version of ["2.9", "2.15"]) {
  await describeWithService(
    `nats ${version}`,
    nats({ version, maxFileStoreBytes: FILE_STORE_BYTES }),
    (server, { owned }) => {
      it("a message that kills every worker becomes dead letters, its neighbours are delivered", async () => {
        const name = uniqueName()
        const queue = openQueue({ servers: [server().url], name, maxAttempts: 3, redeliverMillis: 300 })
        await queue.run((one) => one.publish(batchOf(1, 2)))
        const attempts: Array<number> = []
        for (let kill = 0; kill < 3; kill++) attempts.push(await killHolder(server().url, name))
        expect(attempts).toEqual([1, 2, 3])
        await queue.run((one) => one.publish(batchOf(3, 1)))
        const taken: Array<string> = []
        await eventually(async () => {
          taken.push(...((await queue.run((one) => consume(one, lease, 500)))?.ids ?? []))
          const letters = await queue.run((one) => one.letters.list({ limit: 10 }))
          expect(letters.map(({ event, reason }) => [event.event_id, reason.code, reason.attempts])).toEqual([
            [idOf(1), "lease_expired", 3],
            [idOf(2), "lease_expired", 3]
          ])
          expect(taken).toEqual([idOf(3)])
        })
        const counts = ofDefault(await queue.run((one) => one.counts))
        expect(counts).toEqual({ accepted: 3, deadLettered: 2, replayed: 0, waiting: 0 })
        await queue.close()
      })

      it("a message the server gives up on is found by its advisory", async () => {
        const name = uniqueName()
        const options = { name, redeliverMillis: 300, sweepEveryMillis: 100 }
        const queue = openQueue({ servers: [server().url], ...options })
        await queue.run((one) => one.publish(batchOf(1, 2)))
        // Handed out beyond the limit without any of our workers seeing it.
        const connection = await connect({ servers: server().url })
        const consumer = await jetstream(connection).consumers.get(name, "worker")
        let deliveries = 0
        for (let message = await consumer.next(); message !== null; message = await consumer.next({ expires: 1_000 })) {
          deliveries++
          message.nak()
        }
        await eventually(async () => {
          const letters = await queue.run((one) => one.letters.list({ limit: 10 }))
          expect(letters.map(({ event, reason }) => [event.event_id, reason.code, reason.attempts])).toEqual([
            [idOf(1), "worker_lost", deliveries],
            [idOf(2), "worker_lost", deliveries]
          ])
          expect((await queue.run((one) => one.waiting)).events).toBe(0)
        })
        const counts = ofDefault(await queue.run((one) => one.counts))
        expect(counts).toEqual({ accepted: 2, deadLettered: 2, replayed: 0, waiting: 0 })
        const { state } = await (await jetstreamManager(connection)).streams.info(name)
        expect(state.messages).toBe(0)
        await connection.close()
        await queue.close()
      })

      it.skipIf(!owned)("what a killed server brings back is neither counted nor kept", async () => {
        const name = uniqueName()
        const options = { servers: [server().url] as const, name, redeliverMillis: 1_000, sweepEveryMillis: 100 }
        const queue = openQueue(options)
        // Held, so that the acknowledged ones leave holes in a file that stays.
        const other = openQueue(options)
        await queue.run((one) => one.publish(batchOf(1, 5)))
        const held = other.run((one) => Effect.scoped(Effect.andThen(one.take(lease), Effect.sleep(2_500))))
        await sleep(200)
        for (let from = 6; from <= 41; from += 5) {
          await queue.run((one) => one.publish(batchOf(from, 5)))
          await queue.run((one) => consume(one))
        }
        // Time for the server to write down what was acknowledged, but not what was deleted.
        await sleep(1_000)
        await server().kill()
        await server().start()
        await held
        await eventually(async () => {
          await queue.run((one) => consume(one, lease, 300))
          expect(await queue.run((one) => one.waiting)).toMatchObject({ bytes: 0, events: 0 })
        })
        const counts = ofDefault(await queue.run((one) => one.counts))
        expect(counts).toEqual({ accepted: 45, deadLettered: 0, replayed: 0, waiting: 0 })
        await Promise.all([queue.close(), other.close()])
      })

      it("a foreign message is kept aside and holds nothing up", async () => {
        const name = uniqueName()
        const queue = openQueue({ servers: [server().url], name })
        await queue.run((one) => one.waiting)
        const connection = await connect({ servers: server().url })
        await jetstream(connection).publish(`${name}.events.fresh.default.2`, "not a batch")
        await jetstream(connection).publish(`${name}.events.nonsense`, "not ours")
        await queue.run((one) => one.publish(batchOf(1, 1)))
        expect((await queue.run((one) => consume(one)))!.ids).toEqual([idOf(1)])
        const { state } = await (await jetstreamManager(connection)).streams.info(`${name}-dead-letters`)
        expect(state.messages).toBe(2)
        expect(await queue.run((one) => one.letters.list({ limit: 10 }))).toEqual([])
        expect(ofDefault(await queue.run((one) => one.counts))).toEqual({
          accepted: 3,
          deadLettered: 2,
          replayed: 0,
          waiting: 0
        })
        await connection.close()
        await queue.close()
      })
    }
  )
}
