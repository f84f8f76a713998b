import { batchOf } from "@millrace/testing"
import { nats, type TestServer } from "@millrace/test-services"
import { describeWithService } from "@millrace/test-services/vitest"
import { setTimeout as sleep } from "node:timers/promises"
import { expect, it } from "vitest"
import { consume, FILE_STORE_BYTES, insist, ofDefault, openQueue, type OpenQueue, type Taken } from "./support.ts"

const KILLS = 5
const PUBLISHERS = 6
const EVENTS_PER_BATCH = 3

/** Small and seeded, so that a schedule is run again by its number. */
const randomOf = (seed: number) => () => {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
  return seed / 2 ** 32
}

interface Journal {
  next: number
  /** Ids whose publish succeeded. */
  readonly acknowledged: Set<string>
  readonly consumed: Set<string>
  /** What each position held, each time it was taken: no position is used twice. */
  readonly held: Array<readonly [position: number, ids: string]>
  readonly counts: Map<number, number>
}

const publishOn = async (queue: OpenQueue, journal: Journal, isOver: () => boolean) => {
  while (!isOver()) {
    const batch = batchOf(journal.next, EVENTS_PER_BATCH)
    journal.next += EVENTS_PER_BATCH
    if ((await queue.reasonOf((service) => service.publish(batch))) === undefined) {
      for (const event of batch.events) journal.acknowledged.add(event.event_id)
    } else await sleep(20)
    await sleep(2)
  }
}

/** Written down before the acknowledgement, as a store does it: a time-out in between must not lose what was taken. */
const writeDown = (journal: Journal, { ids, positions }: Taken) => {
  let at = 0
  for (const [position, count] of positions) {
    const held = ids.slice(at, at + count).join()
    at += count
    journal.held.push([position, held])
    journal.counts.set(position, count)
  }
  for (const id of ids) journal.consumed.add(id)
}

const consumeOnce = async (queue: OpenQueue, journal: Journal, withinMillis: number): Promise<number> => {
  let events = 0
  await queue.run((service) =>
    consume(service, { limit: 60, ackWaitMillis: 20_000 }, withinMillis, (taken) => {
      events = taken.ids.length
      writeDown(journal, taken)
    })
  )
  return events
}

const consumeOn = async (queue: OpenQueue, journal: Journal, isOver: () => boolean) => {
  while (!isOver()) await consumeOnce(queue, journal, 300).catch(() => sleep(20))
}

const schedule = async (server: TestServer, seed: number) => {
  const random = randomOf(seed)
  const open = () =>
    openQueue({
      servers: [server.url],
      name: `seed-${seed}`,
      // Each kill may cost a message an attempt.
      maxAttempts: 20,
      redeliverMillis: 1_000,
      sweepEveryMillis: 200,
      publishTimeoutMillis: 1_000,
      // Opening makes streams and syncs them: on a busy machine that takes its time.
      connectTimeoutMillis: 30_000
    })
  const [api, worker] = [open(), open()]
  const queues = [api, worker]
  for (const queue of queues) await queue.run((one) => one.waiting)
  const journal: Journal = {
    next: 1,
    acknowledged: new Set(),
    consumed: new Set(),
    held: [],
    counts: new Map()
  }
  let over = false
  const work = [
    ...Array.from({ length: PUBLISHERS }, () => publishOn(api, journal, () => over)),
    ...queues.map((queue) => consumeOn(queue, journal, () => over))
  ]
  for (let kill = 0; kill < KILLS; kill++) {
    await sleep(100 + random() * 300)
    await server.kill()
    await sleep(random() * 200)
    await server.start()
    await insist(() => api.run((service) => service.publish(batchOf(1, 1, { project_id: "probe" }))))
  }
  over = true
  await Promise.all(work)
  // Until nothing waits: what was leased when the server died comes again after a second.
  for (let idle = 0; idle < 3;) {
    const events = await insist(() => consumeOnce(worker, journal, 1_500))
    const { waiting } = await insist(() => worker.run((service) => service.counts))
    idle = events === 0 && Object.values(waiting).every((count) => count === 0) ? idle + 1 : 0
  }
  return { api, worker, journal, queues }
}

const FIRST_SEED = Number(process.env["MILLRACE_TEST_SEED"] ?? 1)

for (const { syncAlways, version } of [
  { version: "2.9", syncAlways: false },
  // As most run, and as it forgets sequences.
  { version: "2.10", syncAlways: false },
  { version: "2.10", syncAlways: true },
  { version: "2.15", syncAlways: true }
]) {
  const service = nats({ version, syncAlways, maxFileStoreBytes: FILE_STORE_BYTES })
  await describeWithService(
    `kill -9 of nats ${version}${syncAlways ? " that syncs" : ""}`,
    service,
    (server, { owned }) => {
      if (!owned) return
      it(`nothing acknowledged is lost, no position is used twice, counts are exact (seed ${FIRST_SEED})`, async () => {
        const { api, journal, queues, worker } = await schedule(server(), FIRST_SEED)
        expect(journal.acknowledged.size).toBeGreaterThan(0)
        expect([...journal.acknowledged].filter((id) => !journal.consumed.has(id))).toEqual([])
        const held = new Map(journal.held)
        expect(journal.held.filter(([position, ids]) => held.get(position) !== ids)).toEqual([])
        const stored = [...journal.counts.values()].reduce((sum, count) => sum + count, 0)
        for (const queue of [api, worker]) {
          const counts = await queue.run((one) => one.counts)
          const total = Object.values(counts.accepted).reduce((sum, count) => sum + count, 0)
          expect({ total, ...ofDefault(counts), accepted: 0 }).toEqual({
            total: stored,
            accepted: 0,
            deadLettered: 0,
            replayed: 0,
            waiting: 0
          })
        }
        // What an older server brought back from the dead is cleared away, so that it fills no stream.
        await insist(async () => expect(await api.run((one) => one.waiting)).toMatchObject({ bytes: 0, events: 0 }))
        await Promise.all(queues.map((queue) => queue.close()))
      })
    }
  )
}
