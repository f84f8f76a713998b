import { type StoreServices, type QueueServices, type WarehouseServices, DeadLetters, EventBatch } from "@millrace/core"
import { Context, Effect, Exit, Layer, Scope } from "effect"
import { afterAll, beforeAll, expect, it } from "vitest"
import { memory, problemOf, reply, settled, startServer, type TestServer } from "./support/server.ts"

const KEYS = "shop:admin:shop-0123456789abcdef,blog:admin:blog-0123456789abcdef,shop:read:read-0123456789abcdef"
const as = (name: string) => ({ "x-api-key": `${name}-0123456789abcdef` })

let scope: Scope.Closeable
let server: TestServer
beforeAll(async () => {
  scope = await Effect.runPromise(Scope.make())
  const context: Context.Context<QueueServices | StoreServices | WarehouseServices> = await Effect.runPromise(
    Layer.buildWithScope(memory, scope)
  )
  server = await startServer({ adapters: Layer.succeedContext(context), keys: KEYS })
  const letters = Context.get(context, DeadLetters)
  for (const project of ["shop", "shop", "shop", "blog"]) await Effect.runPromise(setAside(letters, project))
})
afterAll(async () => {
  await server.close()
  await Effect.runPromise(Scope.close(scope, Exit.void))
})

/** As the pipeline does it: publish, take, set aside, acknowledge. */
const setAside = (letters: DeadLetters["Service"], project_id: string) =>
  letters.put(
    EventBatch.fromEvents([
      {
        project_id,
        event_id: crypto.randomUUID(),
        occurred_at: 1_769_860_800_000_000,
        user_id: "ada",
        event_type: "visit",
        properties: '{"page":"/"}',
        received_at: 1_769_860_800_000_000,
        skew_micros: 0
      }
    ]),
    { stage: "store", code: "StoreRejected", message: "no", attempts: 1 }
  )

const list = async (name: string, query = "") => (await server.get(`/dead-letters${query}`, as(name))).body
const change = async (what: string, name: string, body: unknown, type = "application/json") =>
  reply(
    await fetch(`${server.url}/dead-letters/${what}`, {
      method: "POST",
      headers: { ...as(name), "content-type": type },
      body: JSON.stringify(body)
    })
  )

it("lists a project's own, with the reason, page by page", async () => {
  const first = await list("shop", "?limit=2")
  expect(first.dead_letters).toHaveLength(2)
  expect(first.dead_letters[0]).toMatchObject({
    event: { project_id: "shop", occurred_at: "2026-01-31T12:00:00Z", properties: { page: "/" } },
    reason: { stage: "store", code: "StoreRejected", message: "no", attempts: 1 }
  })
  const second = await list("shop", `?limit=2&after=${first.next}`)
  expect([second.dead_letters.length, second.next]).toEqual([1, null])
})

it("422 names a bad parameter; only admin keys may look", async () => {
  expect(problemOf(await server.get("/dead-letters?limit=0", as("shop")))).toEqual([422, "invalid_parameter"])
  expect(problemOf(await server.get("/dead-letters?page=2", as("shop")))).toEqual([422, "invalid_parameter"])
  expect(problemOf(await server.get("/dead-letters", as("read")))).toEqual([403, "wrong_scope"])
})

it("changing takes JSON alone: a form could be posted by any page", async () => {
  expect(problemOf(await change("purge", "shop", { ids: "all" }, "text/plain"))).toEqual([
    415,
    "unsupported_media_type"
  ])
  expect(problemOf(await change("purge", "shop", { ids: [] }))).toEqual([422, "invalid_parameter"])
  expect(problemOf(await change("purge", "shop", { ids: "all", also: 1 }))).toEqual([422, "invalid_parameter"])
})

it("replay and purge touch the project's own only, whatever ids are named", async () => {
  const own = (await list("shop")).dead_letters
  const foreign = (await list("blog")).dead_letters
  expect((await change("purge", "shop", { ids: [own[0].id, foreign[0].id] })).body).toEqual({ count: 1 })
  expect((await list("blog")).dead_letters).toHaveLength(1)
  expect((await change("replay", "shop", { ids: "all" })).body).toEqual({ count: 2 })
  expect((await list("shop")).dead_letters).toEqual([])
  expect(await settled(server, as("read"))).toMatchObject({ stored: 2, replayed: 2, dead_lettered: 3 })
})
