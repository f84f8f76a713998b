import {
  type StoreServices,
  type QueueServices,
  type WarehouseServices,
  DeadLetters,
  type DeadLetterReason,
  drain,
  eraseUser,
  EventBatch,
  EventQueue,
  EventStore,
  ledger,
  makeLoadAhead,
  Pipeline,
  query
} from "@millrace/core"
import { batchOf, eventOf, filesHolding } from "@millrace/testing"
import { Context, Deferred, Effect, Exit, Layer, Scope } from "effect"
import { afterEach, expect, it } from "vitest"
import { type AdapterChoice, adapters } from "../../src/index.ts"
import { event } from "./events.ts"
import { newDirectory } from "./profileLaws.ts"
import { problemOf, replyInTheEnd, startServer, type TestServer } from "./server.ts"

export interface ErasurePlaces {
  readonly choice: Omit<AdapterChoice, "directory" | "warehouse">
  /** Where one of the texts lies beside the data folder. */
  readonly search: (texts: ReadonlyArray<string>) => Promise<ReadonlyArray<string>>
}

const KEYS = "shop:admin:shop-0123456789abcdef,blog:admin:blog-0123456789abcdef,shop:read:read-0123456789abcdef"
const as = (name: string) => ({ "x-api-key": `${name}-0123456789abcdef` })
const SECRETS = ["gone-4711", "anonymous-4712", "secret-0815"]
const properties = { note: "secret-0815" }
const MILLIS = 180_000

const theirs = () => [
  ...Array.from({ length: 40 }, (_, index) => event({ user_id: SECRETS[index % 2], properties })),
  event({ user_id: "gone-4711", event_type: "$identify", properties: { anonymous_id: "anonymous-4712" } })
]
const others = () => Array.from({ length: 200 }, (_, index) => event({ user_id: `user-${index % 50}` }))

type Services = QueueServices | StoreServices | WarehouseServices

/** Adapters that the test and the server share; the server's work begins with `start`. */
const openProfile = async ({ choice, search }: ErasurePlaces, directory: string) => {
  const scope = await Effect.runPromise(Scope.make())
  const context: Context.Context<Services> = await Effect.runPromise(
    Layer.buildWithScope(adapters({ ...choice, warehouse: "duckdb", directory }), scope)
  )
  let server: TestServer | undefined
  return {
    context,
    queue: Context.get(context, EventQueue),
    start: async () => (server = await startServer({ adapters: Layer.succeedContext(context), keys: KEYS })),
    search: async () => [...filesHolding(directory, SECRETS), ...(await search(SECRETS))],
    close: async () => {
      await server?.close()
      await Effect.runPromise(Scope.close(scope, Exit.void))
    }
  }
}
type Profile = Awaited<ReturnType<typeof openProfile>>

const refused: DeadLetterReason = { stage: "store", code: "Refused", message: "no secret-0815", attempts: 1 }

/** As a worker does it; where there is no queue, as whoever publishes does. */
const setAside = ({ context }: Profile, holds: boolean) =>
  Effect.gen(function* () {
    const [queue, letters] = [yield* EventQueue, yield* DeadLetters]
    const fields = {
      project_id: "shop",
      user_id: "gone-4711",
      event_type: "visit",
      properties: '{"note":"secret-0815"}'
    }
    const times = { occurred_at: 1_769_860_800_000_000, received_at: 1_769_860_800_000_000, skew_micros: 0 }
    const batch = EventBatch.fromEvents([{ ...fields, ...times, event_id: crypto.randomUUID() }])
    if (!holds) return yield* letters.put(batch, refused)
    yield* queue.publish(batch)
    yield* queue.take({ limit: 1, ackWaitMillis: 10_000 }).pipe(
      Effect.flatMap(({ batches }) => letters.put(batches[0]!, refused)),
      Effect.scoped
    )
  }).pipe(Effect.provideContext(context), Effect.runPromise)

const settled = async (server: TestServer) => {
  while (true) {
    const { body } = await server.get("/ledger", as("shop"))
    if (body.in_flight === 0) return body
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

const erase = async ({ url }: TestServer, user: string, name: string) =>
  replyInTheEnd(await fetch(`${url}/users/${user}`, { method: "DELETE", headers: as(name) }), as(name))

/** Sends it until it is complete: on a broker, what was consumed may lie between messages that still wait. */
const eraseAll = async (server: TestServer) => {
  const answers = [await erase(server, "gone-4711", "shop")]
  while (answers.at(-1)!.status === 503 && answers.length < 50) answers.push(await erase(server, "gone-4711", "shop"))
  expect(answers.at(-1)).toMatchObject({ status: 200, body: { complete: true } })
  return answers.map(({ body }) => body.receipt ?? body)
}

const exported = async (server: TestServer): Promise<ReadonlyArray<Record<string, unknown>>> => {
  const answer = await fetch(`${server.url}/users/gone-4711/events`, { headers: as("shop") })
  return (await answer.text())
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line))
}

const usersOf = async (server: TestServer) =>
  (await server.get("/stats/dau?from=2026-01-31&to=2026-01-31", as("shop"))).body.rows[0].users

const sumOf = (receipts: ReadonlyArray<{ places: ReadonlyArray<{ place: string; events: number }> }>, place: string) =>
  receipts.reduce((sum, { places }) => sum + (places.find((one) => one.place === place)?.events ?? 0), 0)

const storeAll = Effect.gen(function* () {
  const queue = yield* EventQueue
  while ((yield* queue.waiting).events > 0) yield* drain({ limit: 100, ackWaitMillis: 10_000 })
})

/** A store that tells when it has handed over its `pages`-th page with events. */
const fetched = (store: EventStore["Service"], pages: number, tell: Effect.Effect<unknown>) => {
  let count = 0
  return EventStore.of({
    ...store,
    replay: (options) =>
      Effect.tap(store.replay(options), ({ batches }) => (batches.length > 0 && ++count === pages ? tell : Effect.void))
  })
}

/** Another user's page is loaded; theirs, which was fetched meanwhile, only after the erasure. */
const loadAfterErasure = Effect.gen(function* () {
  const [queue, real] = [yield* EventQueue, yield* EventStore]
  yield* queue.publish(batchOf(1, 10, { user_id: "stays" }))
  yield* storeAll
  yield* queue.publish(batchOf(11, 10, { user_id: SECRETS[0]!, properties: '{"note":"secret-0815"}' }))
  yield* queue.publish(
    EventBatch.fromEvents([
      eventOf(21, { user_id: SECRETS[0]!, event_type: "$identify", properties: '{"anonymous_id":"anonymous-4712"}' })
    ])
  )
  yield* storeAll
  const both = yield* Deferred.make<void>()
  // A page may pass its limit by one batch, so that this one holds the first.
  const ahead = yield* makeLoadAhead({ limit: 10 })
  const load = Effect.provideService(ahead, EventStore, fetched(real, 2, Deferred.succeed(both, undefined)))
  // Another database of the same server may hide what was just stored for a moment.
  while ((yield* load).inserted === 0);
  yield* Deferred.await(both)
  const erasing = eraseUser({ project_id: "default", user_id: SECRETS[0]! })
  const receipt = yield* Effect.provide(erasing, Layer.succeed(Pipeline, { flush: Effect.void }))
  while (!(yield* load).caughtUp);
  const params = { from: "2026-01-01", to: "2026-01-01" }
  const { rows } = yield* query({ metric: "dau", project_id: "default", params })
  const inWarehouse = receipt.steps.find(({ place }) => place === "warehouse")?.events
  return { inWarehouse, users: rows[0]?.users, ledger: yield* ledger("default") }
}).pipe(Effect.scoped)

/** What the erasure's receipt promises, over real files and servers. */
export const erasureLaws = (name: string, placesOf: () => Promise<ErasurePlaces>): void => {
  const open: Array<Profile> = []
  afterEach(async () => {
    for (const profile of open.splice(0)) await profile.close()
  })

  it(
    `${name}: a page fetched before an erasure and loaded after it does not bring the user back, and is counted`,
    async () => {
      const profile = await openProfile(await placesOf(), newDirectory())
      open.push(profile)
      const found = await Effect.runPromise(Effect.provideContext(loadAfterErasure, profile.context))
      expect(found).toMatchObject({ inWarehouse: 0, users: 1, ledger: { stored: 21, in_flight: 0, difference: 0 } })
      expect(await profile.search()).toEqual([])
    },
    MILLIS
  )
  it(
    `${name}: the receipt is true, and stays so when everything is sent again and the process starts anew`,
    async () => {
      const places = await placesOf()
      const directory = newDirectory()
      const first = await openProfile(places, directory)
      open.push(first)
      await setAside(first, places.choice.queue !== "none")
      const server = await first.start()
      const batch = [...theirs(), ...others()]
      await server.post(batch, as("shop"))
      await server.post(others(), as("blog"))
      const before = await settled(server)
      expect(await usersOf(server)).toBe(51)
      const lines = await exported(server)
      expect(lines[0]).toEqual({
        kind: "user",
        project_id: "shop",
        user_id: "gone-4711",
        merged: ["anonymous-4712"],
        complete: true
      })
      expect(lines.at(-1)).toEqual({ kind: "end", events: 41, dead_letters: 1 })

      // Another project's erasure, and another key, do nothing to it.
      expect(problemOf(await erase(server, "gone-4711", "read"))).toEqual([403, "wrong_scope"])
      expect((await erase(server, "gone-4711", "blog")).body).toMatchObject({ project_id: "blog", ids: 1 })
      expect((await first.search()).length).toBeGreaterThan(2)

      const receipts = await eraseAll(server)
      expect(JSON.stringify(receipts)).not.toMatch(/4711|4712/u)
      expect([sumOf(receipts, "dead_letters"), sumOf(receipts, "warehouse"), receipts[0].ids]).toEqual([1, 41, 2])
      expect(await first.search()).toEqual([])
      expect(await settled(server)).toMatchObject({ ...before, difference: 0 })
      expect(await usersOf(server)).toBe(50)

      await server.post(batch, as("shop"))
      await server.post(theirs(), as("shop"))
      expect(await settled(server)).toMatchObject({ difference: 0, accepted: before.accepted + 282 })
      expect([await first.search(), await usersOf(server)]).toEqual([[], 50])
      await first.close()
      open.pop()

      const second = await openProfile(places, directory)
      open.push(second)
      const again = await second.start()
      await again.post(batch, as("shop"))
      expect(await settled(again)).toMatchObject({ difference: 0 })
      expect([await second.search(), await usersOf(again)]).toEqual([[], 50])
      // Who comes back is somebody new.
      await again.post(
        [event({ user_id: "gone-4711", occurred_at: new Date(Date.now() + 3_600_000).toISOString() })],
        as("shop")
      )
      await settled(again)
      expect((await exported(again)).at(-1)).toEqual({ kind: "end", events: 1, dead_letters: 0 })
    },
    MILLIS
  )
}
