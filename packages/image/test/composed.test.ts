import { nats, postgres, type PostgresServer, type TestServer } from "@millrace/test-services"
import { describeWithService } from "@millrace/test-services/vitest"
import { randomUUID } from "node:crypto"
import { createServer } from "node:net"
import { afterAll, afterEach, beforeAll, expect, it } from "vitest"
import { read, readCompose, readEnv, withSecrets } from "./support/compose.ts"
import { type Running, startService } from "./support/processes.ts"

const MILLIS = 240_000
const env = withSecrets(readEnv(read(".env.example")))
const compose = readCompose(read("docker-compose.yml"), env)
const KEY = env["MILLRACE_KEYS"]!.split(":").at(-1)!
const headers = { authorization: `Bearer ${KEY}`, "content-type": "application/json" }

const running: Array<Running> = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.kill()))
})

/** Addresses of the composed network → addresses here. */
type Addresses = Readonly<Record<string, string>>

/** The service's environment with nothing but addresses replaced. */
const start = async (name: string, addresses: Addresses): Promise<Running> => {
  const service = compose.services[name]!
  const here = Object.entries({ ...service.environment }).map(([variable, value]) => [
    variable,
    Object.entries(addresses).reduce((text, [there, address]) => text.replace(there, address), value)
  ])
  const server = await startService(service, { ...Object.fromEntries(here), MILLRACE_PORT: "0" })
  running.push(server)
  return server
}

const local = (url: string) => url.replace("0.0.0.0", "127.0.0.1")

const getJson = async (url: string) => (await fetch(url, { headers })).json() as Promise<Record<string, unknown>>

const EVENTS = 1_000
const USERS = 50

/** Through the API's address alone: each event once although each batch is sent twice. */
const useThrough = async (api: string) => {
  const batches = Array.from({ length: EVENTS / 100 }, (_, batch) =>
    Array.from({ length: 100 }, (_event, index) => ({
      event_id: randomUUID(),
      occurred_at: "2026-01-31T12:00:00Z",
      user_id: `user-${(batch * 100 + index) % USERS}`,
      event_type: "visit"
    }))
  )
  const posts = [...batches, ...batches].map(async (batch) => {
    const answer = await fetch(`${api}/events`, { method: "POST", headers, body: JSON.stringify(batch) })
    return answer.status
  })
  expect(await Promise.all(posts)).toEqual(posts.map(() => 202))
  let ledger: Record<string, unknown> = {}
  while (ledger["in_flight"] !== 0) ledger = await getJson(`${api}/ledger`)
  expect(ledger).toEqual({
    accepted: 2 * EVENTS,
    stored: EVENTS,
    duplicates: EVENTS,
    dead_lettered: 0,
    replayed: 0,
    in_flight: 0,
    lost: 0,
    difference: 0
  })
  const { rows } = await getJson(`${api}/stats/top-events?from=2026-01-31&to=2026-01-31`)
  expect(rows).toEqual([{ event_type: "visit", events: EVENTS, users: USERS }])
  expect((await fetch(`${api}/ledger`)).status).toBe(401)
}

const stopAll = async (servers: ReadonlyArray<Running>) => {
  for (const server of servers) expect((await server.stop()).code).toBe(0)
}

const healthy = async (servers: ReadonlyArray<string>) => {
  for (const url of servers) expect((await fetch(`${url}/readyz`)).status).toBe(200)
}

/** Names of metrics in PromQL: words that are followed by neither a bracket nor a label's operator. */
const metricsIn = (expression: string): ReadonlyArray<string> => {
  const bare = expression.replaceAll(/\{[^}]*\}|\[[^\]]*\]|\bby \([^)]*\)/gu, "")
  return [...bare.matchAll(/\b([a-z]\w*)\b(?!\s*\()/gu)].map(([, name]) => name!).filter((name) => name !== "by")
}

const dashboardMetrics = (): ReadonlySet<string> => {
  const { panels } = JSON.parse(read("deploy/grafana/dashboards/millrace.json")) as {
    readonly panels: ReadonlyArray<{ readonly targets: ReadonlyArray<{ readonly expr: string }> }>
  }
  return new Set(panels.flatMap(({ targets }) => targets).flatMap(({ expr }) => metricsIn(expr)))
}

/** Over NATS it is the broker that syncs. */
const OF_THE_EMBEDDED_LOG = "millrace_queue_fsync_duration_seconds_bucket"

const exportedBy = async (servers: ReadonlyArray<string>): Promise<ReadonlySet<string>> => {
  const pages = await Promise.all(servers.map(async (url) => (await fetch(`${url}/metrics`)).text()))
  return new Set(pages.flatMap((page) => [...page.matchAll(/^([a-z]\w*)[ {]/gmu)].map(([, name]) => name!)))
}

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address()
      server.close(() => resolve(typeof address === "object" ? (address?.port ?? 0) : 0))
    })
  })

const composedPostgres = `postgres://millrace:${env["POSTGRES_PASSWORD"]}@postgres:5432/millrace`
const composedNats = `nats://millrace:${env["NATS_PASSWORD"]}@nats:4222`
const database = postgres({ fsync: true })
const monitoringPort = await freePort()
/** As deploy/nats.conf has it, on this machine. */
const broker = nats({
  version: "2.10",
  syncAlways: read("deploy/nats.conf").includes("sync_interval: always"),
  maxFileStoreBytes: 2 ** 33,
  config: `http: "127.0.0.1:${monitoringPort}"`
})

await describeWithService("the direct profile's processes by hand", database, (store) => {
  it(
    "the API commits in PostgreSQL, the owner counts, and SIGTERM ends each with 0",
    async () => {
      const addresses = { [composedPostgres]: await store().createDatabase() }
      const owner = await start("direct-owner", addresses)
      const api = await start("direct-api", { ...addresses, "http://direct-owner:4000": local(owner.url) })
      const url = local(api.url)
      await useThrough(url)
      const { queue } = await getJson(`${url}/readyz`)
      expect(queue).toMatchObject({ durability: "fsync" })
      await stopAll([api, owner])
    },
    MILLIS
  )
})

const located = await database.locate()
await (located._tag === "Missing"
  ? describeWithService("the standard profile's processes by hand", database, () => {})
  : describeWithService("the standard profile's processes by hand", broker, (queue: () => TestServer) => {
      let store: PostgresServer
      beforeAll(async () => {
        store = await database.start()
      })
      afterAll(() => store.close())

      it(
        "POST to the API → NATS → worker → PostgreSQL → owner → statistics through the API; the dashboard's metrics are there",
        async () => {
          const addresses = {
            [composedPostgres]: await store.createDatabase(),
            [composedNats]: queue().url,
            "http://nats:8222": `http://127.0.0.1:${monitoringPort}`
          }
          const owner = await start("owner", addresses)
          const worker = await start("worker", addresses)
          const api = await start("api", { ...addresses, "http://owner:4000": local(owner.url) })
          const urls = [api, worker, owner].map((server) => local(server.url))
          await healthy(urls)
          await useThrough(urls[0]!)
          const { queue: state } = await getJson(`${urls[0]}/readyz`)
          expect(state).toEqual({ writable: true, durability: "fsync", events: 0, lost: 0 })
          const exported = await exportedBy(urls)
          const used = [...dashboardMetrics()].filter((name) => name !== "up" && name !== OF_THE_EMBEDDED_LOG)
          expect(used.length).toBeGreaterThan(7)
          expect(used.filter((name) => !exported.has(name))).toEqual([])
          await stopAll([api, worker, owner])
        },
        MILLIS
      )
    }))
