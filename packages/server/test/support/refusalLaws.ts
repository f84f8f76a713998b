import {
  type StoreServices,
  type QueueServices,
  type WarehouseServices,
  DeadLetters,
  drain,
  EventQueue,
  ledger,
  load
} from "@millrace/core"
import { batchOf, eventsOf, idOf } from "@millrace/testing"
import { ConfigProvider, Effect, Layer } from "effect"
import { fileURLToPath } from "node:url"
import { beforeEach, expect, it } from "vitest"
import { adapters, serverConfig } from "../../src/index.ts"
import { expectExactlyOnce } from "./kills.ts"
import { type Environment, KILL_LAW_MILLIS, KILLS, newDirectory } from "./profileLaws.ts"
import { type Trouble, troubled, WELL } from "./troubled.ts"

const REFUSING = fileURLToPath(new URL("../fixtures/refusing.ts", import.meta.url))

type Services = QueueServices | StoreServices | WarehouseServices

/** One process's life over the profile's adapters: what is not on a disk is gone after it. */
const life = async <A>(
  place: { readonly directory: string; readonly environment: Environment },
  trouble: Trouble,
  body: Effect.Effect<A, unknown, Services>
): Promise<A> => {
  const env = { MILLRACE_DATA: place.directory, ...place.environment }
  const choice = await Effect.runPromise(serverConfig.parse(ConfigProvider.fromEnv({ env })))
  return Effect.runPromise(Effect.provide(body, Layer.provideMerge(troubled(trouble), adapters(choice))))
}

const refusing = { ...WELL, refuses: (event_id: string) => event_id === idOf(5) }

const publish = Effect.flatMap(EventQueue, (queue) => queue.publish(batchOf(1, 10)))
const replay = Effect.flatMap(DeadLetters, (queue) => queue.replay("all"))
const letters = Effect.flatMap(DeadLetters, (queue) => queue.list({ limit: 100 }))

const store = Effect.gen(function* () {
  const queue = yield* EventQueue
  while ((yield* queue.waiting).events > 0) yield* drain({ limit: 100, ackWaitMillis: 10_000 })
})
/** A page at a time. Another database of the same server may hide what was just stored for a moment. */
const loadAll = Effect.gen(function* () {
  while (!(yield* load({ limit: 4 })).caughtUp);
})
const pass = Effect.andThen(store, loadAll)

/** What a profile must do with an event that its warehouse refuses. */
export const refusalLaws = (environment: () => Promise<Environment>): void => {
  let place: { directory: string; environment: Environment }
  beforeEach(async () => {
    place = { directory: newDirectory(), environment: await environment() }
  })
  const balance = (counts: object) =>
    Effect.map(ledger("default"), (entry) => expect(entry).toMatchObject({ difference: 0, ...counts }))

  it("what the warehouse refuses becomes a dead letter, and is counted once when it is replayed to a mended one", async () => {
    await life(
      place,
      refusing,
      Effect.gen(function* () {
        yield* Effect.andThen(publish, pass)
        yield* balance({ accepted: 10, stored: 9, dead_lettered: 1, replayed: 0, in_flight: 0 })
        const [letter, ...others] = yield* letters
        expect([letter?.event, letter?.reason.stage, letter?.reason.code, others]).toEqual([
          eventsOf(5, 1)[0],
          "warehouse",
          "RowsRejected",
          []
        ])
        // Still refused: another letter, and nothing is lost on the way.
        expect(yield* Effect.tap(replay, pass)).toBe(1)
        yield* balance({ accepted: 11, stored: 9, dead_lettered: 2, replayed: 1, in_flight: 0 })
        expect(yield* letters).toHaveLength(1)
      })
    )
    await life(
      place,
      WELL,
      Effect.gen(function* () {
        expect(yield* replay).toBe(1)
        yield* balance({ accepted: 12, stored: 9, dead_lettered: 2, replayed: 2, in_flight: 1 })
        yield* pass
        const counted = { stored: 10, duplicates: 0, dead_lettered: 2, replayed: 2, in_flight: 0 }
        yield* balance({ accepted: 12, ...counted })
        expect(yield* letters).toEqual([])
        // Its identity is taken again.
        yield* Effect.andThen(publish, pass)
        yield* balance({ accepted: 22, ...counted, duplicates: 10 })
      })
    )
  })

  it("an event is set aside once, also when the load ends before its commit and the warehouse is mended meanwhile", async () => {
    await life(
      place,
      { ...refusing, commits: false },
      Effect.gen(function* () {
        yield* Effect.andThen(publish, store)
        for (const _ of [1, 2]) {
          const { reason } = yield* Effect.flip(load({ limit: 100 }))
          expect(reason._tag).toBe("WarehouseUnavailable")
          yield* balance({ accepted: 10, stored: 0, dead_lettered: 1, in_flight: 9 })
        }
      })
    )
    await life(
      place,
      WELL,
      Effect.gen(function* () {
        yield* balance({ accepted: 10, stored: 0, dead_lettered: 1, in_flight: 9 })
        yield* loadAll
        yield* balance({ accepted: 10, stored: 9, dead_lettered: 1, in_flight: 0 })
        const deadLetters = yield* DeadLetters
        const [letter] = yield* deadLetters.list({ limit: 1 })
        expect(yield* deadLetters.list({ limit: 1, after: letter!.id })).toEqual([])
        expect(yield* Effect.tap(deadLetters.replay([letter!.id]), pass)).toBe(1)
        expect(yield* deadLetters.purge([letter!.id])).toBe(0)
        yield* balance({ accepted: 11, stored: 10, duplicates: 0, dead_lettered: 1, replayed: 1, in_flight: 0 })
      })
    )
  })

  it(
    `kill -9 of the server, ${KILLS} times while its warehouse refuses some and all are replayed: exactly once`,
    async () => {
      const { dead_lettered, replayed, ...counted } = await expectExactlyOnce({ ...place, main: REFUSING }, KILLS)
      expect(counted).toMatchObject({ in_flight: 0, difference: 0 })
      expect(dead_lettered).toBeGreaterThan(0)
      // Each of them left the list by a replay.
      expect(replayed).toBe(dead_lettered)
    },
    KILL_LAW_MILLIS
  )
}
