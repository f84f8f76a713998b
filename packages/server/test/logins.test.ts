import { LimiterUnavailable, RateLimiter, RateLimiterError } from "@millrace/core"
import { layerMemoryRateLimiter } from "@millrace/core/memory"
import { Effect, Layer } from "effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { authDefaults, sessionsLayer } from "../src/auth/config.ts"
import { login, newAccounts, PASSWORD } from "./support/accounts.ts"
import { problemOf, type Reply, type TestServer } from "./support/server.ts"

const ADA = "ada@shop.example"

const accounts = newAccounts()
beforeAll(() => accounts.create(ADA, { shop: "viewer" }))
afterAll(() => accounts.close())

/** As the proxy in front says it; further left anybody writes what they like. */
const from = (address: string) => ({ "x-forwarded-for": `6.6.6.6, ${address}` })

/** The statuses of so many attempts, one after the other. */
const attempts = async (server: TestServer, count: number, email: string, password: string, address: string) => {
  const statuses: Array<number> = []
  for (let at = 0; at < count; at++) statuses.push((await login(server, email, password, from(address))).status)
  return statuses
}
const failures = (server: TestServer, count: number, email: string, address: string) =>
  attempts(server, count, email, "wrong", address)

/** A refusal for too many names what is used up, and when to come back. */
const expectRefusal = (reply: Reply, code: string, scope: string) => {
  expect(problemOf(reply)).toEqual([429, code])
  expect(Number(reply.headers.get("retry-after"))).toBeGreaterThan(0)
  expect(reply.headers.get("ratelimit")).toMatch(new RegExp(`"${scope}";r=0;t=[1-9]`, "u"))
  expect(reply.headers.get("ratelimit-policy")).toMatch(new RegExp(`"${scope}";q=\\d+;w=3600`, "u"))
}

describe("failed logins", () => {
  it("to one account from one address are limited, right ones then too, also where there is no account; the owner elsewhere gets in", async () => {
    const server = await accounts.open({}, { accountAtAddressPerHour: 3 })
    for (const email of [ADA, "nobody@shop.example"]) {
      expect(await failures(server, 3, email, "1.1.1.1")).toEqual([401, 401, 401])
      const refused = await login(server, email.toUpperCase(), PASSWORD, from("1.1.1.1"))
      expectRefusal(refused, "too_many_logins", "account-here")
      expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(600)
      expect(Number(refused.headers.get("retry-after"))).toBeLessThanOrEqual(1_200)
    }
    expect((await login(server, ADA, PASSWORD, from("2.2.2.2"))).status).toBe(200)
    expect((await login(server, "other@shop.example", "wrong", from("1.1.1.1"))).status).toBe(401)
    expect(String((await server.get("/metrics")).body)).toContain('rejections_total{scope="login"} 2')
  })

  it("are counted alone: a right one costs nothing, and does not forgive the wrong ones", async () => {
    const server = await accounts.open({}, { accountAtAddressPerHour: 2, addressPerHour: 2 })
    expect(await attempts(server, 5, ADA, PASSWORD, "1.1.1.1")).toEqual([200, 200, 200, 200, 200])
    expect(await failures(server, 1, ADA, "1.1.1.1")).toEqual([401])
    expect(await attempts(server, 2, ADA, PASSWORD, "1.1.1.1")).toEqual([200, 200])
    expect(await failures(server, 2, ADA, "1.1.1.1")).toEqual([401, 429])
  })

  it("of many at once are as many as one after the other", async () => {
    const server = await accounts.open({}, { accountAtAddressPerHour: 3 })
    const all = Array.from({ length: 20 }, () => login(server, ADA, "wrong", from("1.1.1.1")))
    const statuses = (await Promise.all(all)).map(({ status }) => status)
    expect([401, 429].map((code) => statuses.filter((status) => status === code).length)).toEqual([3, 17])
  })

  it("from many addresses use up the account where nobody knows it, and leave the owner's own address alone", async () => {
    const server = await accounts.open({}, { accountAtAddressPerHour: 2, accountPerHour: 5 })
    expect(await attempts(server, 1, ADA, PASSWORD, "9.9.9.9")).toEqual([200])
    for (const address of ["1.1.1.1", "2.2.2.2"]) expect(await failures(server, 2, ADA, address)).toEqual([401, 401])
    expect(await failures(server, 2, ADA, "3.3.3.3")).toEqual([401, 429])
    expectRefusal(await login(server, ADA, PASSWORD, from("4.4.4.4")), "too_many_logins", "account")
    expect(await attempts(server, 3, ADA, PASSWORD, "9.9.9.9")).toEqual([200, 200, 200])
    expect(await failures(server, 3, ADA, "9.9.9.9")).toEqual([401, 401, 429])
  })

  it("from one address are limited whatever the accounts, and others are not held up", async () => {
    const server = await accounts.open({}, { addressPerHour: 3 })
    for (const at of [1, 2, 3]) expect(await failures(server, 1, `guess${at}@shop.example`, "2.2.2.2")).toEqual([401])
    expectRefusal(await login(server, ADA, PASSWORD, from("2.2.2.2")), "too_many_logins", "address")
    expect((await login(server, ADA, PASSWORD, from("3.3.3.3"))).status).toBe(200)
  })

  it("of unknown accounts cost what others cost: so many at once that some must come back", async () => {
    const server = await accounts.open()
    const all = Array.from({ length: 120 }, (_, at) => login(server, `nobody${at}@shop.example`, "wrong"))
    const answers = await Promise.all(all)
    const busy = answers.filter(({ status }) => status === 503)
    expect(busy.length).toBeGreaterThan(0)
    expect(answers.filter(({ status }) => status === 401).length).toBe(120 - busy.length)
    expect(problemOf(busy[0]!)).toEqual([503, "overloaded"])
    expect(busy[0]!.headers.get("retry-after")).toBe("1")
  })
})

it("successful logins are bounded by account: a program that logs in for ever makes no more sessions, and others may fail as before", async () => {
  const server = await accounts.open({}, { accountPerHour: 3 })
  expect(await attempts(server, 3, ADA, PASSWORD, "1.1.1.1")).toEqual([200, 200, 200])
  expectRefusal(await login(server, ADA, PASSWORD, from("1.1.1.1")), "too_many_logins", "logins")
  expect(await failures(server, 2, ADA, "2.2.2.2")).toEqual([401, 401])
})

describe("requests about sessions", () => {
  const about = async (server: TestServer, path: string, refresh_token: string, address: string) =>
    await server.post({ refresh_token }, from(address), path)

  it("are limited by client address, whatever comes of them", async () => {
    const server = await accounts.open({}, { requestsPerHour: 5 })
    let token: string = (await login(server, ADA, PASSWORD, from("1.1.1.1"))).body.refresh_token
    for (const _ of [1, 2]) token = (await about(server, "/auth/refresh", token, "1.1.1.1")).body.refresh_token
    expect((await about(server, "/auth/refresh", "none", "1.1.1.1")).status).toBe(401)
    expect((await about(server, "/auth/logout", "none", "1.1.1.1")).status).toBe(204)
    for (const path of ["/auth/refresh", "/auth/logout"]) {
      expectRefusal(await about(server, path, token, "1.1.1.1"), "rate_limited", "requests")
    }
    expectRefusal(await login(server, ADA, PASSWORD, from("1.1.1.1")), "too_many_logins", "requests")
    // What was refused is as good as before.
    expect((await about(server, "/auth/refresh", token, "2.2.2.2")).status).toBe(200)
    expect(String((await server.get("/metrics")).body)).toContain('rejections_total{scope="session"} 2')
  })

  it("are limited by session: one that is refreshed in a loop does not hold up its neighbours", async () => {
    const server = await accounts.open({}, { accessSeconds: 3_600 })
    const [first, second] = await Promise.all([1, 2].map(() => login(server, ADA, PASSWORD, from("1.1.1.1"))))
    let token: string = first!.body.refresh_token
    for (let at = 0; at < 120; at++) {
      const { body, status } = await about(server, "/auth/refresh", token, "1.1.1.1")
      expect(status).toBe(200)
      token = body.refresh_token
    }
    expectRefusal(await about(server, "/auth/refresh", token, "1.1.1.1"), "rate_limited", "session")
    expect((await about(server, "/auth/refresh", second!.body.refresh_token, "1.1.1.1")).status).toBe(200)
  })
})

describe("the limiter of logins", () => {
  it("is each instance's own while the shared one is away", async () => {
    const broken = Layer.succeed(RateLimiter, {
      take: () =>
        Effect.fail(new RateLimiterError({ operation: "take", reason: new LimiterUnavailable({ cause: "away" }) }))
    })
    const sessions = sessionsLayer({ ...authDefaults, accountAtAddressPerHour: 2 }, accounts.places, 0)
    const server = await accounts.open({ sessions: Layer.provide(sessions, broken) })
    for (const status of [401, 200, 401, 429]) {
      expect((await login(server, ADA, status === 200 ? PASSWORD : "wrong")).status).toBe(status)
    }
  })

  it("is shared with other instances, and is told nobody's name", async () => {
    const keys: Array<string> = []
    const spied = Layer.effect(
      RateLimiter,
      Effect.map(RateLimiter, ({ take }) => ({
        take: (buckets, cost) => {
          keys.push(...buckets.map(({ key }) => key))
          return take(buckets, cost)
        }
      }))
    ).pipe(Layer.provide(layerMemoryRateLimiter()))
    const sessions = sessionsLayer(authDefaults, accounts.places, 0)
    const server = await accounts.open({ sessions: Layer.provide(sessions, spied) })
    await login(server, ADA, "wrong")
    expect(keys).toHaveLength(4)
    await login(server, ADA)
    expect(keys.join()).not.toContain("ada")
  })
})
