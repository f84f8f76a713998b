import { cpSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { batchOf } from "@millrace/testing"
import { nats } from "@millrace/test-services"
import { describeWithService } from "@millrace/test-services/vitest"
import { jetstreamManager } from "@nats-io/jetstream"
import { connect } from "@nats-io/transport-node"
import { Effect } from "effect"
import { afterAll, expect, it } from "vitest"
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

const storeDirectory = mkdtempSync(join(tmpdir(), "millrace-older-"))
const copy = `${storeDirectory}-copy`
afterAll(() => [storeDirectory, copy].forEach((folder) => rmSync(folder, { recursive: true, force: true })))

const countsOf = (queue: OpenQueue) =>
  queue.run((one) =>
    Effect.map(one.counts, ({ accepted, lost, waiting }) => ({
      accepted: accepted["default"] ?? 0,
      lost: lost["default"] ?? 0,
      waiting: waiting["default"] ?? 0
    }))
  )

await describeWithService(
  "older copy",
  nats({ storeDirectory, maxFileStoreBytes: FILE_STORE_BYTES }),
  (server, { owned }) => {
    it.skipIf(!owned)(
      "a stream put back to before what was settled: what it lacks is lost, what comes is new",
      async () => {
        const name = uniqueName()
        const options = { servers: [server().url] as const, name, sweepEveryMillis: 100 }
        const queue = openQueue(options)
        const settleAll = async (of: OpenQueue, seen: Array<string>) => {
          await insist(async () => {
            await of.run((one) => consume(one, lease, 500, ({ ids }: Taken) => void seen.push(...ids)))
            expect(await countsOf(of)).toMatchObject({ waiting: 0 })
          })
        }
        await queue.run((one) => one.publish(batchOf(1, 10)))
        await settleAll(queue, [])
        await queue.run((one) => one.publish(batchOf(11, 10)))
        await server().stop()
        cpSync(storeDirectory, copy, { recursive: true })
        await server().start()
        await insist(() => queue.run((one) => one.publish(batchOf(21, 10))))
        const seen: Array<string> = []
        await settleAll(queue, seen)
        await insist(() => queue.run((one) => one.publish(batchOf(31, 7))))
        const before = await countsOf(queue)
        await queue.close()
        await server().stop()
        // The events of the copy; what became of them, as it was left.
        const streamOf = (root: string) => join(root, "jetstream", "$G", "streams", name)
        rmSync(streamOf(storeDirectory), { recursive: true })
        cpSync(streamOf(copy), streamOf(storeDirectory), { recursive: true })
        await server().start()
        const after = openQueue(options)
        await insist(() => after.run((one) => one.publish(batchOf(101, 5))))
        const fresh: Array<string> = []
        await settleAll(after, fresh)
        expect(fresh).toHaveLength(5)
        expect(await countsOf(after)).toEqual({ accepted: before.accepted + 5, waiting: 0, lost: 7 })
        await after.close()
      }
    )

    it("among thousands a few that were deleted are counted by project", async () => {
      const name = uniqueName()
      const queue = openQueue({ servers: [server().url], name, sweepEveryMillis: 50 })
      const projects = Array.from({ length: 40 }, (_, index) => `p${index}`)
      for (let round = 0; round < 40; round++) {
        await queue.run((one) =>
          Effect.forEach(projects, (project_id) => one.publish(batchOf(round * 3 + 1, 3, { project_id })), {
            concurrency: "unbounded"
          })
        )
      }
      const connection = await connect({ servers: server().url })
      const manager = await jetstreamManager(connection)
      const { state } = await manager.streams.info(name)
      expect(state.messages).toBeGreaterThan(1_024 + 200)
      const deleted = new Map<string, number>()
      for (const seq of [3, 57, 58, 700, state.last_seq]) {
        const [, , , project, count] = (await manager.streams.getMessage(name, { seq }))!.subject.split(".")
        deleted.set(project!, (deleted.get(project!) ?? 0) + Number(count))
        await manager.streams.deleteMessage(name, seq)
      }
      const { accepted, lost } = await queue.run((one) => one.counts)
      expect(lost).toEqual(Object.fromEntries(deleted))
      expect(accepted).toEqual(Object.fromEntries(projects.map((project) => [project, 120])))
      await manager.streams.purge(name)
      const all = await queue.run((one) => one.counts)
      expect([all.accepted, all.lost]).toEqual([accepted, accepted])
      await connection.close()
      await queue.close()
    })
  }
)
