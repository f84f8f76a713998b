import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { EventBatch } from "@millrace/core"
import { batchOf, eventOf } from "@millrace/testing"
import { nats, strace, type TestServer } from "@millrace/test-services"
import { describeWithService } from "@millrace/test-services/vitest"
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream"
import { connect } from "@nats-io/transport-node"
import { Effect } from "effect"
import { afterAll, expect, it } from "vitest"
import {
  consume,
  contentsOf,
  FILE_STORE_BYTES,
  insist,
  lease,
  type OpenQueue,
  openQueue,
  type Taken,
  uniqueName
} from "./support.ts"

const countsOf = (queue: OpenQueue) =>
  insist(() =>
    queue.run((one) =>
      Effect.map(one.counts, ({ accepted, lost, waiting }) => ({
        accepted: accepted["default"] ?? 0,
        lost: lost["default"] ?? 0,
        waiting: waiting["default"] ?? 0
      }))
    )
  )

/** By position: a message that is delivered twice counts once, as the ledger counts it. */
type Seen = Map<number, ReadonlyArray<string>>

const see =
  (seen: Seen) =>
  ({ ids, positions }: Omit<Taken, "attempt">) => {
    let at = 0
    for (const [position, count] of positions) {
      const held = ids.slice(at, (at += count))
      expect(seen.get(position) ?? held).toEqual(held)
      seen.set(position, held)
    }
  }

const drain = (queue: OpenQueue, seen: Seen) =>
  insist(async () => {
    await queue.run((one) => consume(one, lease, 500, see(seen)))
    expect(await countsOf(queue)).toMatchObject({ waiting: 0 })
  })

const eventsIn = (seen: Seen) => [...seen.values()].flat()
const idsOf = ({ events }: EventBatch) => events.map(({ event_id }) => event_id)

/** A client's: sent again until it is acknowledged. */
const publish = (queue: OpenQueue, batch: EventBatch) => insist(() => queue.run((one) => one.publish(batch)))

/** One event of about 20 kB: of a stream as small as this the server keeps one of them in a file. */
const bulky = (number: number) =>
  EventBatch.fromEvents([eventOf(number, { properties: JSON.stringify({ text: "x".repeat(20_000) }) })])
const SMALL = 120_000

const withManager = async (server: TestServer, use: (manager: JetStreamManager) => Promise<void>) => {
  const connection = await connect({ servers: server.url })
  try {
    await use(await jetstreamManager(connection))
  } finally {
    await connection.close()
  }
}

const filesOf = (folder: string, name: string) => join(folder, "jetstream", "$G", "streams", name, "msgs")

/**
 * What kill -9 leaves of a server of 2.10 that has deleted the file of the newest messages, all of them acknowledged, and has still to
 * note their last sequence in the next file: the consumer knows what it has delivered, and the stream hands it out again.
 */
const forget = async (server: TestServer, files: string, kept = NOTHING) => {
  await server.stop()
  for (const file of readdirSync(files)) if (!kept.test(file)) rmSync(join(files, file))
  await server.start()
}
const NOTHING = /^$/u

const located = await strace()
const tracerOf = (found: typeof located): string => {
  if (found._tag === "Missing") throw new Error(found.reason)
  return found.binary
}

/** Kills the server as it is about to make this file. Resolves once it is watched for. */
const killAtMaking = async (binary: string, server: TestServer, file: string) => {
  const inject = ["-e", "trace=openat", "-e", "inject=openat:signal=KILL:when=1"]
  const tracer = spawn(binary, ["-f", "-o", "/dev/null", ...inject, "-P", file, "-p", String(server.pid)])
  await new Promise<void>((resolve, reject) => {
    tracer.stderr.on("data", (chunk) => String(chunk).includes("attached") && resolve())
    tracer.once("exit", () => reject(new Error("the tracer ended")))
  })
  return { killed: once(tracer, "exit") }
}

for (const version of ["2.9", "2.10", "2.15"]) {
  const storeDirectory = mkdtempSync(join(tmpdir(), "millrace-forgetful-"))
  afterAll(() => rmSync(storeDirectory, { recursive: true, force: true }))
  const service = nats({ version, storeDirectory, maxFileStoreBytes: FILE_STORE_BYTES })
  await describeWithService(`nats ${version} forgets its sequences`, service, (server, { owned }) => {
    if (!owned) return
    const optionsOf = (name: string) => {
      const often = { sweepEveryMillis: 100, redeliverMillis: 1_000 }
      return { servers: [server().url] as const, name, ...often }
    }

    it("all that comes after is delivered to every worker, and nothing is lost", async () => {
      const name = uniqueName()
      const [publisher, worker] = [openQueue(optionsOf(name)), openQueue(optionsOf(name))]
      const seen: Seen = new Map()
      for (let round = 0; round < 3; round++) {
        for (let batch = 0; batch < 10; batch++) await publish(publisher, batchOf(round * 100 + batch * 5 + 1, 5))
        await drain(worker, seen)
        await forget(server(), filesOf(storeDirectory, name))
      }
      const late = batchOf(1_001, 5)
      await publish(worker, late)
      await drain(publisher, seen)
      const events = eventsIn(seen)
      expect(new Set(events).size).toBe(155)
      for (const queue of [publisher, worker]) {
        expect(await countsOf(queue)).toEqual({ accepted: events.length, lost: 0, waiting: 0 })
      }
      await Promise.all([publisher, worker].map((queue) => queue.close()))
      const fresh = openQueue(optionsOf(name))
      await publish(fresh, batchOf(2_001, 5))
      await drain(fresh, seen)
      expect(await countsOf(fresh)).toEqual({ accepted: events.length + 5, lost: 0, waiting: 0 })
      await fresh.close()
    })

    it("killed between the two, it loses nothing that comes after", async () => {
      const binary = tracerOf(located)
      const name = uniqueName()
      const [holder, worker] = [openQueue(optionsOf(name)), openQueue(optionsOf(name))]
      const seen: Seen = new Map()
      let sent = 0
      const sendNext = (queue: OpenQueue) => publish(queue, batchOf(++sent * 5, 5))
      await sendNext(holder)
      const rest = async () => {
        const state = join(filesOf(storeDirectory, name), "..", "obs", "worker", "o.dat")
        for (let since = Infinity; !(existsSync(state) && statSync(state).mtimeMs > since);) {
          await sendNext(holder)
          await worker.run((one) => consume(one, lease, 5_000, see(seen)))
          // The server has written down that these were delivered.
          if (sent === 6) since = Date.now()
        }
        return killAtMaking(binary, server(), join(filesOf(storeDirectory, name), "2.blk"))
      }
      const { killed } = await holder.run((one) =>
        Effect.scoped(
          Effect.gen(function* () {
            const { batches } = yield* one.take(lease)
            see(seen)(contentsOf(batches))
            return yield* Effect.promise(rest)
          })
        )
      )
      // A server of 2.9 makes no file when the last message is acknowledged.
      const drained = drain(holder, seen)
      await Promise.race([killed, drained])
      await server().kill()
      await server().start()
      await drained
      for (let batch = 0; batch < 10; batch++) await sendNext(worker)
      await drain(worker, seen)
      const events = eventsIn(seen)
      expect(new Set(events).size).toBe(sent * 5)
      expect(await countsOf(holder)).toEqual({ accepted: events.length, lost: 0, waiting: 0 })
      await Promise.all([holder, worker].map((queue) => queue.close()))
    })

    it("what it still holds keeps its place: neither lost nor counted twice", async () => {
      const name = uniqueName()
      const options = { ...optionsOf(name), maxBytes: SMALL }
      const [holder, worker] = [openQueue(options), openQueue(options)]
      const seen: Seen = new Map()
      // A server of 2.10 tells another time of making from its second start on.
      await publish(holder, bulky(1_000))
      await drain(holder, seen)
      for (let start = 0; start < 2; start++) {
        await server().stop()
        await server().start()
        await publish(holder, bulky(1_001 + start))
        await drain(holder, seen)
      }
      const rest = async () => {
        for (let number = 2; number <= 12; number++) {
          await publish(worker, bulky(number))
          await insist(async () => {
            expect(await worker.run((one) => consume(one, lease, 500, see(seen)))).toBeDefined()
          })
        }
        const files = filesOf(storeDirectory, name)
        const numbers = readdirSync(files).map((file) => Number(/^(\d+)\.blk$/u.exec(file)?.[1] ?? Infinity))
        await forget(server(), files, new RegExp(`^${Math.min(...numbers)}\\.`, "u"))
      }
      await publish(holder, bulky(1))
      await holder.run((one) =>
        Effect.ignore(
          Effect.scoped(
            Effect.gen(function* () {
              yield* one.take(lease)
              yield* Effect.promise(rest)
              return yield* Effect.fail("no" as const)
            })
          )
        )
      )
      await publish(worker, bulky(13))
      await drain(worker, seen)
      const events = eventsIn(seen)
      expect(events).toContain(idsOf(bulky(1))[0])
      expect(new Set(events).size).toBe(16)
      for (const queue of [holder, worker]) {
        expect(await countsOf(queue)).toEqual({ accepted: events.length, lost: 0, waiting: 0 })
      }
      await Promise.all([holder, worker].map((queue) => queue.close()))
    })

    it("nothing is published before the ledger follows the stream", async () => {
      const name = uniqueName()
      const [worker, publisher] = [openQueue(optionsOf(name)), openQueue(optionsOf(name))]
      await publisher.run((one) => one.waiting)
      const seen: Seen = new Map()
      for (let batch = 0; batch < 5; batch++) await publish(worker, batchOf(batch * 5 + 1, 5))
      await drain(worker, seen)
      // Whatever keeps the ledger from following: here a stream that cannot be made, its subject being another's.
      await withManager(server(), async (manager) => {
        await manager.streams.delete(`${name}-advisories`)
        const subjects = [`$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.${name}.>`]
        await manager.streams.add({ name: `${name}-obstacle`, subjects })
      })
      await forget(server(), filesOf(storeDirectory, name))
      const sent = Array.from({ length: 5 }, (_, batch) => batchOf(1_000 + batch * 5, 5))
      const acknowledged = new Array<string>()
      const send = async (batch: EventBatch) => {
        const refusal = await publisher.reasonOf((one) => one.publish(batch))
        if (refusal === undefined) acknowledged.push(...idsOf(batch))
      }
      await insist(async () =>
        expect(await publisher.reasonOf((one) => one.waiting)).not.toBe("QueueUnavailable/NotConnected")
      )
      for (const batch of sent) await send(batch)
      await withManager(server(), async (manager) => void (await manager.streams.delete(`${name}-obstacle`)))
      for (const batch of sent) await publish(publisher, batch)
      await drain(worker, seen)
      const delivered = new Set(eventsIn(seen))
      expect([...acknowledged, ...sent.flatMap(idsOf)].filter((id) => !delivered.has(id))).toEqual([])
      expect(await countsOf(publisher)).toEqual({ accepted: eventsIn(seen).length, lost: 0, waiting: 0 })
      await Promise.all([worker, publisher].map((queue) => queue.close()))
    })
  })
}

await describeWithService("another stream", nats({ maxFileStoreBytes: FILE_STORE_BYTES }), (server) => {
  it("an acknowledgement of what an earlier one held takes nothing off the next one", async () => {
    const name = uniqueName()
    const options = { servers: [server().url] as const, name, sweepEveryMillis: 100, redeliverMillis: 500 }
    const [holder, other] = [openQueue(options), openQueue(options)]
    await publish(holder, batchOf(1, 5))
    const seen: Seen = new Map()
    await holder.run((one) =>
      Effect.scoped(
        Effect.gen(function* () {
          yield* one.take(lease)
          yield* Effect.promise(async () => {
            await withManager(server(), async (manager) => void (await manager.streams.delete(name)))
            await publish(other, batchOf(101, 5))
          })
          // Delivered once, so that the server would believe an answer.
          yield* Effect.promise(() =>
            insist(() =>
              other.run((second) =>
                Effect.ignore(Effect.scoped(Effect.andThen(second.take(lease), Effect.fail("no" as const))))
              )
            )
          )
        })
      )
    )
    await drain(other, seen)
    expect(eventsIn(seen)).toEqual(expect.arrayContaining(idsOf(batchOf(101, 5))))
    await Promise.all([holder, other].map((queue) => queue.close()))
  })
})
