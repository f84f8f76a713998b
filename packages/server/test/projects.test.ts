import { Contract } from "@millrace/core/wire"
import { HttpApi } from "effect/http-api"
import fc from "fast-check"
import { rmSync } from "node:fs"
import { afterAll, beforeAll, expect, it } from "vitest"
import { bearer, login, newAccounts } from "./support/accounts.ts"
import { event } from "./support/events.ts"
import { embedded, reply, settled, temporaryDirectory, type TestServer } from "./support/server.ts"

const SCOPES = ["write", "read", "admin"] as const
const PROJECTS = ["shop", "blog"] as const
const keyOf = (project: string, scope: string) => `${project}-${scope}-0123456789abcdef`
const KEYS = PROJECTS.flatMap((project) => SCOPES.map((scope) => `${project}:${scope}:${keyOf(project, scope)}`))

/** Stands in every text of the other project, and nowhere else. */
const SECRET = "blogsecret"
/** Their number is a secret too; no more ids than one request may name are used. */
const SECRETS = 4_177
const NAMED = 1_000

/** They ask for no key, and tell of all projects together. */
const TOTALS = new Set(["/metrics", "/readyz"])

/** They ask for a key or a session. */
const guarded = new Set<string>()
const routes: Array<{ readonly method: string; readonly path: string }> = []
HttpApi.reflect(Contract, {
  onGroup: () => {},
  onEndpoint: ({ endpoint, middleware }) => {
    routes.push({ method: endpoint.method, path: endpoint.path })
    if (middleware.size > 0) guarded.add(endpoint.path)
  }
})

const RUNS = Number(process.env["MILLRACE_FUZZ_RUNS"] ?? 400)

/** One who has nothing of the other project, one who may do everything in two others, and one without any. */
const PEOPLE = {
  "viewer@shop.example": { shop: "viewer" },
  "admin@shop.example": { shop: "admin" },
  "admin@two.example": { shop: "admin", other: "admin" },
  "nobody@blog.example": {}
} as const

const accounts = newAccounts()
const folder = temporaryDirectory()
let server: TestServer
/** What a request can show: keys, and sessions. */
let credentials: ReadonlyArray<string>
let ids: ReadonlyArray<string>
beforeAll(async () => {
  for (const [email, grants] of Object.entries(PEOPLE)) await accounts.create(email, grants)
  server = await accounts.open({ keys: KEYS.join(","), adapters: embedded(folder) })
  const sessions = Object.keys(PEOPLE).map(async (email) => String((await login(server, email)).body.access_token))
  credentials = [...SCOPES.map((scope) => keyOf("shop", scope)), ...(await Promise.all(sessions))]
  const secrets = Array.from({ length: SECRETS }, (_, index) =>
    event({ user_id: `${SECRET}-${index}`, event_type: SECRET, properties: { note: SECRET } })
  )
  ids = secrets.slice(0, NAMED).map((secret) => String(secret["event_id"]))
  await server.post(secrets, { "x-api-key": keyOf("blog", "write") })
  await server.post([event()], { "x-api-key": keyOf("shop", "write") })
  for (const project of PROJECTS) await settled(server, { "x-api-key": keyOf(project, "read") })
})
afterAll(async () => {
  await accounts.close()
  rmSync(folder, { recursive: true, force: true })
})

const day = fc.constantFrom("2026-01-01", "2026-01-31", "2026-02-03")
const query = fc.record(
  {
    from: day,
    to: day,
    start_date: day,
    limit: fc.constantFrom("1", "100"),
    tz: fc.constantFrom("UTC", "Asia/Tokyo"),
    project: fc.constant("blog"),
    project_id: fc.constantFrom("blog", "shop' OR '1'='1"),
    key: fc.constant("blog"),
    after: fc.constantFrom("0", "blog"),
    start_event: fc.constant(SECRET),
    user_id: fc.constant(`${SECRET}-1`)
  },
  { requiredKeys: ["from", "to"] }
)
const ask = fc.record({
  route: fc.constantFrom(...routes),
  /** Of `credentials`. */
  as: fc.nat({ max: SCOPES.length + Object.keys(PEOPLE).length - 1 }),
  query,
  /** Most parameters do not belong to a route, and then it refuses them all. */
  plain: fc.boolean(),
  idsAll: fc.boolean(),
  header: fc.constantFrom("millrace-project", "millrace-project", "x-project", "x-project-id", "x-forwarded-user"),
  named: fc.constantFrom("blog", "blog", "shop", "other", "shop,blog", "__proto__")
})

const known = (path: string, given: Readonly<Record<string, string>>) => {
  const names = path.includes("retention")
    ? ["start_date", "start_event"]
    : path.startsWith("/stats")
      ? ["from", "to", "tz"]
      : []
  return Object.fromEntries(Object.entries(given).filter(([name]) => names.includes(name)))
}

it("a key or a session of one project never reads or changes another, by whatever route, parameter or header", async () => {
  const readBlog = { "x-api-key": keyOf("blog", "read") }
  const before = await settled(server, readBlog)
  expect(before.stored).toBe(SECRETS)
  const answered: Array<number> = []
  await fc.assert(
    fc.asyncProperty(ask, async ({ as, header, idsAll, named, plain, query: drawn, route }) => {
      const given = drawn as Readonly<Record<string, string>>
      const params = new URLSearchParams(plain ? known(route.path, given) : given)
      const user = `${SECRET}-1`
      const path = route.path.replaceAll(/:\w+/gu, user)
      const answer = await reply(
        await fetch(`${server.url}${path}?${params.toString()}`, {
          method: route.method,
          headers: {
            ...bearer(credentials[as]!),
            "content-type": "application/json",
            [header]: named
          },
          ...(route.method === "GET" ? {} : { body: JSON.stringify({ ids: idsAll ? "all" : ids }) })
        })
      )
      if (answer.status < 300) answered.push(as)
      const intrudes =
        guarded.has(route.path) && as >= SCOPES.length && `${header}:${named}` === "millrace-project:blog"
      expect(intrudes && answer.status < 400).toBe(false)
      // What the request itself named may come back.
      const own = JSON.stringify(given)
      const body = JSON.stringify(answer.body)
      const text = path === route.path ? body : body.replaceAll(user, "")
      expect(text.includes(`${SECRET}-`) && !own.includes(`${SECRET}-`)).toBe(false)
      expect(text.replaceAll(`"start_event":"${SECRET}"`, "")).not.toContain(SECRET)
      expect(TOTALS.has(route.path) ? "" : text).not.toContain(String(SECRETS))
    }),
    { numRuns: RUNS }
  )
  expect(answered.length).toBeGreaterThan(RUNS / 20)
  // Keys that read, and both sessions of the one project.
  expect([...new Set(answered)]).toEqual(expect.arrayContaining([1, 2, 3, 4]))
  expect(await settled(server, readBlog)).toEqual(before)
})
