import { LimiterUnavailable, RateLimiter, RateLimiterError } from "@millrace/core"
import { layerMemoryRateLimiter } from "@millrace/core/memory"
import { Effect, Fiber, Layer } from "effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { authDefaults, sessionsLayer } from "../src/auth/config.ts"
import { HasherBusy, makeHasher } from "../src/auth/Hasher.ts"
import {
  addonArgon2,
  argon2Costs,
  formatHash,
  hashPassword,
  isPassword,
  nobodysHash,
  nodeArgon2,
  parseHash
} from "../src/auth/password.ts"
import { login, newAccounts, PASSWORD } from "./support/accounts.ts"
import { problemOf } from "./support/server.ts"

const accounts = newAccounts()
beforeAll(() => accounts.create("ada@shop.example", { shop: "viewer" }))
afterAll(() => accounts.close())

const behind = (address: string) => ({ "x-forwarded-for": address })

describe("attempts to log in", () => {
  it("of one account are counted whoever makes them, right or wrong, also where there is no account", async () => {
    const server = await accounts.open({}, { accountPerHour: 3, addressPerHour: 1_000 })
    for (const email of ["ada@shop.example", "nobody@shop.example"]) {
      for (const at of [1, 2, 3]) expect((await login(server, email, "wrong", behind(`1.1.1.${at}`))).status).toBe(401)
      const refused = await login(server, email.toUpperCase(), PASSWORD, behind("1.1.1.4"))
      expect(problemOf(refused)).toEqual([429, "too_many_logins"])
      const seconds = Number(refused.headers.get("retry-after"))
      expect(seconds).toBeGreaterThan(600)
      expect(seconds).toBeLessThanOrEqual(1_200)
    }
    expect(String((await server.get("/metrics")).body)).toContain('rejections_total{scope="login"} 2')
  })

  it("from one address are counted whatever the account, and others are not held up", async () => {
    const server = await accounts.open({}, { accountPerHour: 1_000, addressPerHour: 3 })
    for (const at of [1, 2, 3]) {
      expect((await login(server, `guess${at}@shop.example`, "wrong", behind("6.6.6.6, 2.2.2.2"))).status).toBe(401)
    }
    expect((await login(server, "ada@shop.example", PASSWORD, behind("7.7.7.7, 2.2.2.2"))).status).toBe(429)
    expect((await login(server, "ada@shop.example", PASSWORD, behind("3.3.3.3"))).status).toBe(200)
  })

  it("are counted by each instance for itself while the shared limiter is away", async () => {
    const broken = Layer.succeed(RateLimiter, {
      take: () =>
        Effect.fail(new RateLimiterError({ operation: "take", reason: new LimiterUnavailable({ cause: "away" }) }))
    })
    const sessions = sessionsLayer({ ...authDefaults, accountPerHour: 2 }, accounts.places, 0)
    const server = await accounts.open({ sessions: Layer.provide(sessions, broken) })
    for (const status of [401, 401, 429]) expect((await login(server, "ada@shop.example", "wrong")).status).toBe(status)
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

  it("share their limits with other instances, and name nobody there", async () => {
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
    await login(server, "ada@shop.example", "wrong")
    expect(keys).toHaveLength(2)
    expect(keys.join()).not.toContain("ada")
  })
})

describe("passwords", () => {
  it("Node's Argon2id and the addon's give the same bytes", async () => {
    const salted = { memoryKibibytes: 256, passes: 3, parallelism: 2, salt: Buffer.from("sixteen bytes of") }
    for (const password of ["", "pässwörd", "x".repeat(1_000)]) {
      const [node, addon] = await Promise.all(
        [nodeArgon2, addonArgon2].map((engine) => engine(Buffer.from(password), salted, 32))
      )
      expect(Buffer.from(node!).equals(Buffer.from(addon!))).toBe(true)
    }
  })

  it("the reference implementation's own example verifies", async () => {
    const example = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
    expect(await isPassword("password", parseHash(example)!)).toBe(true)
    expect(await isPassword("Password", parseHash(example)!)).toBe(false)
    expect(formatHash(parseHash(example)!)).toBe(example)
  })

  it("what looks the same on two keyboards is the same password", async () => {
    const hash = parseHash(await hashPassword("Ame\u0301lie 2026 \uFF11"))!
    expect(await isPassword("Am\u00e9lie 2026 1", hash)).toBe(true)
  })

  it.each([
    "",
    "$2b$12$abcdefghijklmnopqrstuv",
    "$argon2i$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
    "$argon2id$v=16$m=19456,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
    "$argon2id$v=19$m=9999999,t=99,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
    "$argon2id$v=19$m=8,t=1,p=2$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
    "$argon2id$v=19$m=19456,t=0,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
  ])("no hash of ours: %j", (text) => {
    expect(parseHash(text)).toBeUndefined()
  })

  it("an account that is not there costs what one costs that is, and no password is its", async () => {
    expect(nobodysHash()).toMatchObject(argon2Costs)
    const hasher = makeHasher()
    for (const stored of [undefined, "$none"]) {
      expect(await Effect.runPromise(hasher.check(PASSWORD, stored))).toMatchObject({ right: false })
    }
  })

  it("hashes under way and waiting are bounded, also when those who asked have gone", async () => {
    const hasher = makeHasher(1, 2)
    const check = hasher.check(PASSWORD, undefined)
    const outcomes = await Effect.runPromise(
      Effect.gen(function* () {
        const fibers = yield* Effect.forEach([1, 2, 3], () => Effect.forkChild(check, { startImmediately: true }))
        const fourth = yield* Effect.flip(check)
        yield* Effect.forEach(fibers.slice(1), (fiber) => Fiber.interrupt(fiber))
        // The first still works: one may wait again, and only its end makes room for more.
        const later = yield* check
        return [fourth instanceof HasherBusy, later.right, (yield* Fiber.join(fibers[0]!)).right]
      })
    )
    expect(outcomes).toEqual([true, false, false])
  })
})
