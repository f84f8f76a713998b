import { Effect, Fiber } from "effect"
import { describe, expect, it } from "vitest"
import {
  argon2Costs,
  costsOf,
  HasherBusy,
  hashPassword,
  isPassword,
  makeHasher,
  nobodysHash
} from "../src/auth/password.ts"
import { PASSWORD } from "./support/accounts.ts"

describe("passwords", () => {
  it("the reference implementation's own example verifies", async () => {
    const example = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
    expect(await isPassword("password", example)).toBe(true)
    expect(await isPassword("Password", example)).toBe(false)
    expect(costsOf(example)).toEqual({ memoryKibibytes: 65_536, passes: 2, parallelism: 1 })
  })

  it("what looks the same on two keyboards is the same password", async () => {
    const hash = await hashPassword("Ame\u0301lie 2026 \uFF11")
    expect(costsOf(hash)).toEqual(argon2Costs)
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
    expect(costsOf(text)).toBeUndefined()
  })

  it("an account that is not there costs what one costs that is, and no password is its", async () => {
    expect(costsOf(nobodysHash())).toEqual(argon2Costs)
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
