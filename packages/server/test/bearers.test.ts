import { AccountStore } from "@millrace/core"
import { layerMemoryAccountStore } from "@millrace/core/memory"
import { assert, it } from "@effect/vitest"
import { Clock, Effect, Option, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { ownBearers } from "../src/auth/bearers.ts"
import { signAccess, signingKeys } from "../src/auth/signing.ts"

const ID = "00000000-0000-4000-8000-000000000001"
const FAMILY = "a".repeat(64)

const opened = Effect.gen(function* () {
  const store = yield* AccountStore
  const keys = yield* yield* signingKeys({ directory: "", keyPepper: Redacted.make("p".repeat(32)) })
  const own = yield* ownBearers(store, Effect.succeed(keys))
  yield* store.create({ id: ID, email: "ada@b", password: "$none", grants: [{ project_id: "shop", role: "admin" }] })
  const now = yield* Clock.currentTimeMillis
  const expires_at = (now + 3_600_000) * 1000
  yield* store.openSession({ family: FAMILY, hash: "b".repeat(64), user_id: ID, generation: 0, expires_at })
  const iat = Math.floor(now / 1000)
  const token = yield* Effect.promise(() => signAccess(keys.sign, { sub: ID, sid: FAMILY, iat, exp: iat + 600 }))
  return {
    store,
    grants: Effect.map(
      own.find(token),
      Option.map((bearer) => bearer.grants)
    )
  }
})

/** What an instance has read a moment ago, it goes by; for at most 5 of the 10 s in which what was ended must count. */
for (const [change, ends, left] of [
  ["a disabled account", (store) => store.setDisabled(ID, true), Option.none()],
  ["a new password", (store) => store.setPassword(ID, "$other"), Option.none()],
  ["a session that was ended elsewhere", (store) => store.endSession(FAMILY), Option.none()],
  ["a role that was taken away", (store) => store.grant(ID, "shop", undefined), Option.some([])]
] as ReadonlyArray<
  readonly [string, (store: AccountStore["Service"]) => Effect.Effect<boolean, unknown>, Option.Option<unknown>]
>) {
  it.effect(`${change} counts within 5 s, though the access token is good for minutes`, () =>
    Effect.gen(function* () {
      const { grants, store } = yield* opened
      assert.isTrue(Option.isSome(yield* grants))
      assert.isTrue(yield* ends(store))
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(yield* grants, left)
    }).pipe(Effect.provide(layerMemoryAccountStore), Effect.scoped)
  )
}
