import { filesHolding } from "@millrace/testing"
import { nats, postgres, type PostgresServer, relationsHolding, type TestServer } from "@millrace/test-services"
import { describeWithService } from "@millrace/test-services/vitest"
import { Redacted } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { event } from "./support/events.ts"
import { erasureLaws } from "./support/erasureLaws.ts"
import { memory, problemOf, reply, startServer } from "./support/server.ts"

const nowhere = async () => []

describe("erase: the embedded profile", () => {
  erasureLaws("embedded", async () => ({ choice: { queue: "embedded" }, search: nowhere }))
})

const onPostgres = async (server: PostgresServer) => {
  const url = await server.createDatabase()
  return { url: Redacted.make(url), search: (texts: ReadonlyArray<string>) => relationsHolding(url, "millrace", texts) }
}

await describeWithService("erase: PostgreSQL without a queue", postgres(), (database) => {
  erasureLaws("direct", async () => {
    const { search, url } = await onPostgres(database())
    return { choice: { queue: "none", postgresUrl: url }, search }
  })
})

await describeWithService("erase: NATS and PostgreSQL", postgres(), (database) => {
  const storeDirectory = mkdtempSync(join(tmpdir(), "millrace-erase-nats-"))
  let broker: TestServer
  beforeAll(async () => {
    broker = await nats({ storeDirectory, maxFileStoreBytes: 2 ** 40 }).start()
  })
  afterAll(async () => {
    await broker.close()
    rmSync(storeDirectory, { recursive: true, force: true })
  })
  erasureLaws("standard", async () => {
    const { search, url } = await onPostgres(database())
    return {
      choice: { queue: "nats", postgresUrl: url, natsUrl: Redacted.make(broker.url) },
      search: async (texts) => [...filesHolding(storeDirectory, texts), ...(await search(texts))]
    }
  })
})

describe("DELETE /users/{id} and GET /users/{id}/events", () => {
  it("take an id as it is, however it is written; what is none is refused", async () => {
    const server = await startServer({ adapters: memory })
    try {
      const strange = "a/b?c=d %20 ü\u{1F600}"
      await server.post([event({ user_id: strange }), event({ user_id: "x" })])
      const path = `${server.url}/users/${encodeURIComponent(strange)}`
      const text = await (await fetch(`${path}/events`)).text()
      expect(JSON.parse(text.split("\n")[1]!)).toMatchObject({ kind: "event", user_id: strange })
      const erased = await reply(await fetch(path, { method: "DELETE" }))
      expect([erased.status, erased.body.places.at(-1)]).toMatchObject([200, { place: "warehouse", events: 1 }])
      const long = await reply(await fetch(`${server.url}/users/${"x".repeat(257)}`, { method: "DELETE" }))
      expect(problemOf(long)).toEqual([422, "invalid_parameter"])
      const posted = await reply(await fetch(path, { method: "POST" }))
      expect([problemOf(posted), posted.headers.get("allow")]).toEqual([[405, "method_not_allowed"], "DELETE, OPTIONS"])
    } finally {
      await server.close()
    }
  })
})
