import { type ApiKey, KeyStore, type KeyScope } from "@millrace/core"
import { Context, Effect, Exit, Layer, Scope } from "effect"
import { rmSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { hashApiKey, newApiKey, prefixOf } from "../src/keys/apiKeyText.ts"
import { KeyPepper, keyStoreLayer } from "../src/keys/stores.ts"
import { event } from "./support/events.ts"
import { memory, problemOf, startServer, temporaryDirectory, type TestServer } from "./support/server.ts"

const directory = temporaryDirectory()
const places = { directory }

/** What the command line does: a store of its own beside the servers'. */
const withStore = <A, E>(body: (store: KeyStore["Service"], pepper: Uint8Array) => Effect.Effect<A, E>) =>
  Effect.runPromise(
    Effect.gen(function* () {
      return yield* body(yield* KeyStore, yield* (yield* KeyPepper).get)
    }).pipe(Effect.provide(keyStoreLayer(places)))
  )

const issue = async (scope: KeyScope, over: Partial<ApiKey> = {}) => {
  const key = newApiKey(scope)
  await withStore((store, pepper) =>
    store.create({
      project_id: "shop",
      scope,
      prefix: prefixOf(key),
      origins: [],
      ...over,
      hash: hashApiKey(key, pepper)
    })
  )
  return key
}

const bearer = (key: string) => ({ authorization: `Bearer ${key}` })
const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString("base64")}` })

const open = () => startServer({ adapters: memory, storedKeys: keyStoreLayer(places) })
let servers: ReadonlyArray<TestServer>
beforeAll(async () => {
  await issue("admin")
  servers = await Promise.all([open(), open()])
})
afterAll(async () => {
  await Promise.all(servers.map((server) => server.close()))
  rmSync(directory, { recursive: true, force: true })
})

const eventually = async (condition: () => Promise<boolean>) => {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 50))
}

describe("keys of a store", () => {
  it("are taken as Bearer, as the user name of Basic, as x-api-key, and in a beacon's body", async () => {
    const key = await issue("write")
    const [server] = servers as [TestServer]
    for (const headers of [bearer(key), basic(`${key}:`), basic(key), { "x-api-key": key }]) {
      expect((await server.post([event()], headers)).status).toBe(202)
    }
    expect((await server.post({ events: [event()], key }, { "content-type": "text/plain" })).status).toBe(202)
    for (const headers of [basic(`${key}:password`), basic(`:${key}`), basic(`${key}:${key}`)]) {
      expect(problemOf(await server.post([event()], headers))).toEqual([401, "unauthenticated"])
    }
  })

  it("a key that is made while the servers run works on all of them, one that is revoked on none", async () => {
    const key = await issue("write")
    const statuses = () =>
      Promise.all(servers.map((server) => server.post([event()], bearer(key)).then(({ status }) => status)))
    expect(await statuses()).toEqual([202, 202])
    await withStore((store, pepper) => store.revoke(hashApiKey(key, pepper)))
    await eventually(async () => (await statuses()).every((status) => status === 401))
  })

  it("a key with origins is for pages of those alone", async () => {
    const key = await issue("write", { origins: ["https://shop.example"] })
    const [server] = servers as [TestServer]
    expect((await server.post([event()], { ...bearer(key), origin: "https://shop.example" })).status).toBe(202)
    for (const headers of [
      {},
      { origin: "https://shop.example.evil" },
      { origin: "null" },
      { origin: "http://shop.example" }
    ]) {
      const answer = await server.post([event()], { ...bearer(key), ...headers })
      expect(problemOf(answer)).toEqual([403, "origin_not_allowed"])
    }
  })

  it("no file of the folder holds a key, and what could not have been issued is never looked up", async () => {
    const key = await issue("read")
    const { readFileSync } = await import("node:fs")
    expect(readFileSync(join(directory, "keys", "keys.ndjson"), "utf8")).not.toContain(key)
    const [server] = servers as [TestServer]
    const wrong = key.slice(0, -1) + (key.endsWith("0") ? "1" : "0")
    expect(problemOf(await server.get("/ledger", bearer(wrong)))).toEqual([401, "unauthenticated"])
  })

  it("the first key closes a server that ran without any", async () => {
    const folder = temporaryDirectory()
    const scope = await Effect.runPromise(Scope.make())
    const server = await startServer({ adapters: memory, storedKeys: keyStoreLayer({ directory: folder }) })
    try {
      expect((await server.get("/ledger")).status).toBe(200)
      const context = await Effect.runPromise(
        Layer.buildWithScope(Layer.fresh(keyStoreLayer({ directory: folder })), scope)
      )
      const key = newApiKey("read")
      const hash = hashApiKey(key, await Effect.runPromise(Context.get(context, KeyPepper).get))
      const made = { project_id: "shop", scope: "read", prefix: prefixOf(key), origins: [], hash } as const
      await Effect.runPromise(Context.get(context, KeyStore).create(made))
      await eventually(async () => (await server.get("/ledger")).status === 401)
      expect((await server.get("/ledger", bearer(key))).status).toBe(200)
    } finally {
      await server.close()
      await Effect.runPromise(Scope.close(scope, Exit.void))
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
