import type { KeyScope } from "@millrace/core"
import type { EndpointAccess } from "@millrace/core/wire"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { ROLES, type Role } from "../src/adapters/roles.ts"
import { createMillrace, type Millrace, type MillraceOptions } from "../src/index.ts"
import { type Accounts, bearer, login, newAccounts } from "./support/accounts.ts"
import { type ContractRoute, contractRoutes } from "./support/contractRoutes.ts"
import { event } from "./support/events.ts"
import { memory, reply, startServer, type TestServer } from "./support/server.ts"

/** Codes with which a request is refused for who sent it, and where it came: what no other part of the server says. */
const REFUSED = new Set([
  "unauthenticated",
  "wrong_scope",
  "not_authorized",
  "origin_not_allowed",
  "events_only",
  "wrong_role"
])
const ANSWERED = "answered"

type Headers = Readonly<Record<string, string>>

const verdictOf = async (response: Response): Promise<string> => {
  const { body } = await reply(response)
  const code = String(body?.type ?? "").replace("urn:millrace:problem:", "")
  return REFUSED.has(code) ? code : ANSWERED
}

const requestOf = (base: string, { method, name, path }: ContractRoute, headers: Headers, body?: unknown) =>
  new Request(`${base}${path}`, {
    method,
    headers: { ...(method === "POST" ? { "content-type": "application/json" } : {}), ...headers },
    ...(method === "POST" ? { body: JSON.stringify(body ?? (name === "ingest" ? [event()] : {})) } : {})
  })

/** What each endpoint answers. */
const answers = (ask: (route: ContractRoute) => Promise<unknown>) =>
  Promise.all(contractRoutes.map(async (route) => [route.name, await ask(route)]))

/** What each endpoint's annotation means. */
const means = (meaning: (access: EndpointAccess) => unknown) =>
  contractRoutes.map(({ access, name }) => [name, meaning(access)])

/** Scope that a request was granted: `unknown` to a credential that is none, `undefined` to one that shows nothing. */
type Granted = KeyScope | "unknown" | undefined

const byScope = ({ key, scope }: EndpointAccess, granted: Granted): string => {
  if (key === "none") return ANSWERED
  if (granted === undefined || granted === "unknown") return "unauthenticated"
  return granted === scope || granted === "admin" ? ANSWERED : "wrong_scope"
}

const KEY = (scope: string) => `key-of-scope-${scope}-0123456789`
const KEYS = ["write", "read", "admin"].map((scope) => `shop:${scope}:${KEY(scope)}`).join()

describe("a server with keys and accounts answers each endpoint to whom its annotation names", () => {
  let accounts: Accounts
  let server: TestServer
  let shown: ReadonlyArray<readonly [who: string, granted: Granted, headers: Headers]>
  beforeAll(async () => {
    accounts = newAccounts()
    await accounts.create("viewer@shop.example", { shop: "viewer" })
    await accounts.create("admin@shop.example", { shop: "admin" })
    server = await accounts.open({ keys: KEYS, onLog: () => {} })
    const session = async (email: string) => bearer((await login(server, email)).body.access_token)
    const keys = (["write", "read", "admin"] as const).flatMap((scope) => [
      [`a ${scope} key as bearer`, scope, { authorization: `Bearer ${KEY(scope)}` }] as const,
      [`a ${scope} key in its header`, scope, { "x-api-key": KEY(scope) }] as const
    ])
    shown = [
      ["nobody", undefined, {}],
      ["a key that is not known", "unknown", { "x-api-key": "no-key-0123456789" }],
      ["a token that is none", "unknown", { authorization: "Bearer a.b.c" }],
      ...keys,
      ["an account that may view", "read", await session("viewer@shop.example")],
      ["an account that administers", "admin", await session("admin@shop.example")]
    ]
  })
  afterAll(() => accounts.close())

  it("whatever a request shows in its headers", async () => {
    for (const [who, granted, headers] of shown) {
      expect(
        await answers(async (route) => [who, await verdictOf(await fetch(requestOf(server.url, route, headers)))])
      ).toEqual(means((access) => [who, byScope(access, granted)]))
    }
  })

  it("a key in a body is looked for where the annotation says so, and must be a write key", async () => {
    for (const scope of ["write", "read", "admin"] as const) {
      const body = { events: [event()], key: KEY(scope) }
      expect(await answers(async (route) => verdictOf(await fetch(requestOf(server.url, route, {}, body))))).toEqual(
        means((access) => {
          if (access.key !== "headers or body") return byScope(access, undefined)
          return scope === "write" ? ANSWERED : "wrong_scope"
        })
      )
    }
  })
})

describe("each process answers what its roles answer, passes on what the role stats does, and refuses the rest", () => {
  let owner: TestServer
  const servers: Array<TestServer> = []
  const start = async (roles: ReadonlyArray<Role>, statsUrl?: URL) => {
    const server = await startServer({
      adapters: memory,
      keys: KEYS,
      onLog: () => {},
      roles,
      ...(statsUrl && { statsUrl })
    })
    servers.push(server)
    return server
  }
  beforeAll(async () => {
    owner = await start(ROLES)
  })
  afterAll(() => Promise.all(servers.map((server) => server.close())))

  const verdicts = (server: TestServer, headers: Headers) => async (route: ContractRoute) =>
    verdictOf(await fetch(requestOf(server.url, route, headers)))
  const admin = { "x-api-key": KEY("admin") }

  it.each(ROLES)("%s alone", async (role) => {
    const server = await start([role])
    const isOfRole = ({ role: asked }: EndpointAccess) => asked === "any" || asked === role
    expect(await answers(verdicts(server, admin))).toEqual(
      means((access) => (isOfRole(access) ? ANSWERED : "wrong_role"))
    )
    // A role that is not there is the operator's mistake, told before a key is asked for; who may ask decides before a request is passed on.
    expect(await answers(verdicts(server, {}))).toEqual(
      means((access) => (access.role === "ingest" && !isOfRole(access) ? "wrong_role" : byScope(access, undefined)))
    )
  })

  it("beside an owner: whoever is refused there is refused here, and what it answers comes back", async () => {
    const door = await start(["ingest"], new URL(owner.url))
    for (const scope of ["write", "read", "admin"] as const) {
      expect(await answers(verdicts(door, { "x-api-key": KEY(scope) }))).toEqual(
        means((access) => byScope(access, scope))
      )
    }
    // What was passed on already is not passed on again.
    expect(await answers(verdicts(door, { ...admin, "millrace-forwarded": "1" }))).toEqual(
      means(({ role }) => (role === "stats" ? "wrong_role" : ANSWERED))
    )
    for (const route of contractRoutes.filter(({ access }) => access.role === "stats")) {
      const [here, there] = await Promise.all(
        [door, owner].map(async ({ url }) => {
          const { body, status } = await reply(await fetch(requestOf(url, route, admin)))
          return [route.name, status, body?.type]
        })
      )
      expect(here).toEqual(there)
    }
  })
})

describe("pages of other origins do with an endpoint what its annotation says", () => {
  const READER = "https://dashboard.example"
  const PAGES = [READER, "https://evil.example", "http://localhost:3000", "null"]
  const allowed = (response: Response) => response.headers.get("access-control-allow-origin")
  const reads = ({ pages }: EndpointAccess, origin: string, readers: ReadonlyArray<string>) => {
    if (pages === "all") return "*"
    return pages === "readers" && readers.includes(origin) ? origin : null
  }

  const servers: Array<TestServer> = []
  const start = async (keys: string) => {
    const server = await startServer({ adapters: memory, keys, onLog: () => {}, statsOrigins: [READER] })
    servers.push(server)
    return server
  }
  afterAll(() => Promise.all(servers.map((server) => server.close())))

  const ask = (server: TestServer, headers: Headers) => async (route: ContractRoute) => {
    const answer = await fetch(requestOf(server.url, route, headers))
    const preflight = await fetch(`${server.url}${route.path}`, { method: "OPTIONS", headers })
    return [allowed(answer), allowed(preflight), await verdictOf(answer)]
  }

  it("where keys decide, they decide; a page reads what is open to it", async () => {
    const server = await start(KEYS)
    for (const origin of PAGES) {
      expect(await answers(ask(server, { "x-api-key": KEY("admin"), origin, "sec-fetch-site": "cross-site" }))).toEqual(
        means((access) => {
          const read = reads(access, origin, [READER])
          return [read, read, ANSWERED]
        })
      )
    }
  })

  it("where no key decides, a page that may not read causes nothing but where nothing is anybody's", async () => {
    const server = await start("")
    const readers = [READER, "http://localhost:3000"]
    for (const origin of PAGES) {
      expect(await answers(ask(server, { origin, "sec-fetch-site": "cross-site" }))).toEqual(
        means((access) => {
          const read = reads(access, origin, readers)
          const answered = access.crossSite === "answered" || read !== null
          return [read, read, answered ? ANSWERED : "origin_not_allowed"]
        })
      )
    }
    expect(
      await answers(async (route) =>
        verdictOf(await fetch(requestOf(server.url, route, { "sec-fetch-site": "cross-site" })))
      )
    ).toEqual(means(({ crossSite }) => (crossSite === "answered" ? ANSWERED : "origin_not_allowed")))
    expect(await answers(async (route) => verdictOf(await fetch(requestOf(server.url, route, {}))))).toEqual(
      means(() => ANSWERED)
    )
  })
})

describe("a handler in another program's server", () => {
  const opened: Array<Millrace> = []
  const open = async (options: MillraceOptions) => {
    const millrace = await createMillrace({ basePath: "/analytics", ...options })
    opened.push(millrace)
    return async (route: ContractRoute) =>
      verdictOf(await millrace.fetch(requestOf("https://shop.example/analytics", route, {})))
  }
  afterAll(() => Promise.all(opened.map((millrace) => millrace.close())))

  it("that nothing guards takes what a write key sends, and nothing else", async () => {
    expect(await answers(await open({ open: false }))).toEqual(
      means(({ scope }) => (scope === "write" ? ANSWERED : "events_only"))
    )
  })

  it("that is open answers everything", async () => {
    expect(await answers(await open({ open: true }))).toEqual(means(() => ANSWERED))
  })

  it.each(["write", "read", "admin"] as const)("whose program grants %s answers that scope", async (granted) => {
    const ask = await open({ authorize: () => ({ scope: granted }) })
    expect(await answers(ask)).toEqual(
      means((access) => {
        if (access.scope === "operator") return granted === "admin" ? ANSWERED : "wrong_scope"
        return byScope(access, granted)
      })
    )
  })

  it("whose program grants nothing answers what asks for nobody", async () => {
    const ask = await open({ authorize: () => false })
    expect(await answers(ask)).toEqual(means(({ scope }) => (scope === "none" ? ANSWERED : "not_authorized")))
  })

  it("that has keys keeps what an operator keeps inside for admins", async () => {
    const ask = await open({ keys: KEYS })
    expect(await answers(ask)).toEqual(
      means((access) => (access.scope === "operator" ? "unauthenticated" : byScope(access, undefined)))
    )
  })
})
