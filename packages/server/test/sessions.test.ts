import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { argon2Costs, costsOf, hashPassword } from "../src/auth/password.ts"
import { bearer, eventually, login, newAccounts, partsOf, PASSWORD } from "./support/accounts.ts"
import { endingLaws } from "./support/endingLaws.ts"
import { event } from "./support/events.ts"
import { problemOf, type Reply, type TestServer } from "./support/server.ts"

const accounts = newAccounts()
let server: TestServer
let other: TestServer
beforeAll(async () => {
  await accounts.create("ada@shop.example", { shop: "viewer" })
  await accounts.create("root@shop.example", { shop: "admin" })
  await accounts.create("both@shop.example", { shop: "viewer", blog: "admin" })
  ;[server, other] = await Promise.all([accounts.open(), accounts.open()])
})
afterAll(() => accounts.close())

const tokensOf = async (email: string, on = server) => {
  const { body, status } = await login(on, email)
  expect(status).toBe(200)
  return body as { access_token: string; refresh_token: string }
}
const refresh = (refresh_token: string, on = server) => on.post({ refresh_token }, {}, "/auth/refresh")
const ledger = (token: string, on = server, headers: Record<string, string> = {}) =>
  on.get("/ledger", { ...bearer(token), ...headers })

describe("POST /auth/login", () => {
  it("gives an access token that reads at once on every instance, and says for how long and in what role", async () => {
    const { body, headers, status } = await login(server, " ADA@shop.example ")
    expect([status, headers.get("cache-control")]).toEqual([200, "no-store"])
    expect(body).toMatchObject({ token_type: "Bearer", expires_in: 600, email: "ada@shop.example" })
    expect(body.projects).toEqual([{ project: "shop", role: "viewer" }])
    expect(body.session_expires_in).toBeGreaterThan(14 * 86_400 - 60)
    expect(body.refresh_token).toMatch(/^mr_s_[0-9A-Za-z]{71}$/u)
    for (const on of [server, other]) expect((await ledger(body.access_token, on)).status).toBe(200)
    const { claims, header } = partsOf(body.access_token)
    expect(header).toMatchObject({ alg: "HS256", typ: "at+jwt" })
    expect(Object.keys(claims).toSorted()).toEqual(["aud", "exp", "iat", "iss", "nbf", "sid", "sub"])
  })

  it("an unknown account, a wrong password and a disabled account are answered alike", async () => {
    const id = await accounts.create("off@shop.example", { shop: "viewer" })
    await accounts.inStore((store) => store.setDisabled(id, true))
    const shown = ({ body, headers, status }: Reply) => {
      const { date: _date, "x-request-id": _id, ...rest } = Object.fromEntries(headers)
      return { status, body, headers: rest }
    }
    const wrong = await login(server, "ada@shop.example", "wrong password")
    expect(problemOf(wrong)).toEqual([401, "invalid_credentials"])
    for (const [email, password] of [
      ["nobody@shop.example", PASSWORD],
      ["off@shop.example", PASSWORD],
      ["no address", PASSWORD],
      ["ada@shop.example", `${PASSWORD} `],
      ["ada@shop.example", PASSWORD.toUpperCase()]
    ] as const) {
      expect(shown(await login(server, email, password))).toEqual(shown(wrong))
    }
  })

  it("hashes with other costs than today's are made anew, and sessions go on", async () => {
    const id = await accounts.create("old@shop.example", { shop: "viewer" })
    const old = await hashPassword(PASSWORD, { memoryKibibytes: 64, passes: 1, parallelism: 1 })
    await accounts.inStore((store) => store.setPassword(id, old))
    const tokens = await tokensOf("old@shop.example")
    const kept = (await accounts.inStore((store) => store.list())).find((user) => user.id === id)
    expect(kept?.password).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/u)
    expect(costsOf(kept!.password)).toEqual(argon2Costs)
    expect((await ledger(tokens.access_token)).status).toBe(200)
    await tokensOf("old@shop.example")
  })

  it.each([
    [{}, "/email"],
    [{ email: "a@b" }, "/password"],
    [{ email: 1, password: "x" }, "/email"],
    [{ email: "a@b", password: "x".repeat(257) }, "/password"],
    [{ email: "a@b", password: "\ud800" }, "/password"],
    [{ email: "a@b", password: "planted", admin: true }, ""],
    [[], ""]
  ])("a body that is none is 422 and names the field, never the value: %j", async (body, path) => {
    const answer = await server.post(body, {}, "/auth/login")
    expect(problemOf(answer)).toEqual([422, "invalid_parameter"])
    expect(answer.body.errors[0].path).toBe(path)
    expect(JSON.stringify(answer.body)).not.toContain("planted")
  })

  it("takes JSON alone, so that no other page's form reaches it", async () => {
    const answer = await server.post("{}", { "content-type": "text/plain" }, "/auth/login")
    expect(problemOf(answer)).toEqual([415, "unsupported_media_type"])
  })
})

describe("POST /auth/refresh", () => {
  it("each refresh token is good once, on whatever instance; a spent one ends the session for all its tokens", async () => {
    const first = await tokensOf("ada@shop.example")
    const second = (await refresh(first.refresh_token)).body
    const third = (await refresh(second.refresh_token, other)).body
    expect(new Set([first, second, third].map((tokens) => tokens.refresh_token)).size).toBe(3)
    expect((await ledger(third.access_token)).status).toBe(200)
    expect(problemOf(await refresh(first.refresh_token))).toEqual([401, "session_ended"])
    for (const { refresh_token } of [third, second, first]) {
      expect(problemOf(await refresh(refresh_token, other))).toEqual([401, "session_ended"])
    }
    for (const { access_token } of [first, second, third]) {
      await eventually(async () => (await ledger(access_token, other)).status === 401)
    }
  })

  it("of many at once with one token at most one gets new ones", async () => {
    const { refresh_token } = await tokensOf("ada@shop.example")
    const all = Array.from({ length: 8 }, (_, at) => refresh(refresh_token, at % 2 === 0 ? server : other))
    const good = (await Promise.all(all)).filter(({ status }) => status === 200)
    expect(good.length).toBeLessThanOrEqual(1)
    for (const { body } of good) expect((await refresh(body.refresh_token)).status).toBe(401)
  })

  it("what was never issued is refused, an access token too", async () => {
    const { access_token, refresh_token } = await tokensOf("ada@shop.example")
    for (const token of [access_token, "", "mr_s_", refresh_token.slice(0, -1), `${refresh_token}0`]) {
      expect((await refresh(token)).status).toBeGreaterThanOrEqual(401)
    }
    expect((await refresh(refresh_token)).status).toBe(200)
  })

  it("no file of the folder holds a password, a token or a refresh token, and all are for their owner alone", async () => {
    const { access_token, refresh_token } = await tokensOf("ada@shop.example")
    const keys = join(accounts.places.directory, "keys")
    const { sid } = partsOf(access_token).claims
    const users = readFileSync(join(keys, "users.ndjson"), "utf8")
    for (const secret of [PASSWORD, access_token, refresh_token, refresh_token.slice(0, 27)]) {
      expect(users + sid).not.toContain(secret)
    }
    for (const file of ["users.ndjson", "session-key", "pepper"]) {
      expect(statSync(join(keys, file)).mode & 0o777).toBe(0o600)
    }
  })
})

endingLaws("the file store", async () => ({ accounts, server, other }))

it("the first account closes a server that ran without keys", async () => {
  const fresh = newAccounts()
  const open = await fresh.open()
  expect((await open.get("/ledger")).status).toBe(200)
  await fresh.create("first@shop.example", {})
  await eventually(async () => (await open.get("/ledger")).status === 401)
  await fresh.close()
})

describe("roles", () => {
  it("a viewer reads and no more; an admin does what an admin key does, sending events too", async () => {
    const viewer = bearer((await tokensOf("ada@shop.example")).access_token)
    const admin = bearer((await tokensOf("root@shop.example")).access_token)
    const statuses = async (headers: Record<string, string>) => [
      (await server.get("/ledger", headers)).status,
      (await server.get("/dead-letters", headers)).status,
      (await server.post({ ids: "all" }, headers, "/dead-letters/purge")).status,
      (await server.post([event()], headers)).status
    ]
    expect(await statuses(viewer)).toEqual([200, 403, 403, 403])
    expect(await statuses(admin)).toEqual([200, 200, 200, 202])
  })

  it("of several projects the request names one; another's is refused like one that is not there", async () => {
    const { access_token } = await tokensOf("both@shop.example")
    const ask = (project: string | undefined, path = "/ledger") =>
      server.get(path, { ...bearer(access_token), ...(project === undefined ? {} : { "millrace-project": project }) })
    expect(problemOf(await ask(undefined))).toEqual([403, "project_required"])
    expect([(await ask("shop")).status, (await ask("blog")).status]).toEqual([200, 200])
    expect([(await ask("shop", "/dead-letters")).status, (await ask("blog", "/dead-letters")).status]).toEqual([
      403, 200
    ])
    for (const project of ["nothing", "__proto__", "constructor", "SHOP", "shop,blog", "' OR 1=1 --"]) {
      expect(problemOf(await ask(project))).toEqual([403, "wrong_scope"])
    }
    const { access_token: single } = await tokensOf("root@shop.example")
    expect((await ledger(single, server, { "millrace-project": "blog" })).status).toBe(403)
  })

  it("a token counts as Bearer alone: not as x-api-key, not as Basic, not in a body", async () => {
    const { access_token } = await tokensOf("root@shop.example")
    const basic = `Basic ${Buffer.from(`${access_token}:`).toString("base64")}`
    for (const headers of [{ "x-api-key": access_token }, { authorization: basic }]) {
      expect((await server.get("/ledger", headers)).status).toBe(401)
    }
    expect((await server.post({ events: [event()], key: access_token })).status).toBe(401)
  })
})
