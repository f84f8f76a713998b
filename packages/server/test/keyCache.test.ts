import { assert, describe, it } from "@effect/vitest"
import { type ApiKey, KeysUnavailable, KeyStore, KeyStoreError } from "@millrace/core"
import { layerMemoryKeyStore } from "@millrace/core/memory"
import { Effect, Layer, Option } from "effect"
import { TestClock } from "effect/testing"
import { hashApiKey, newApiKey } from "../src/keys/apiKeyText.ts"
import { parseKeys } from "../src/keys/configuredKeys.ts"
import { storedKeyCache } from "../src/keys/KeyCache.ts"
import { KeyPepper } from "../src/keys/stores.ts"

const PEPPER = new Uint8Array(32).fill(7)

/** A store that can be made to fail, and counts what it is asked. */
const state = { away: false, finds: 0 }
const store = Layer.effect(
  KeyStore,
  Effect.map(KeyStore, (inner) => ({
    ...inner,
    find: (hash: string) =>
      Effect.suspend(() => {
        state.finds++
        const reason = new KeysUnavailable({ cause: "away" })
        return state.away ? Effect.fail(new KeyStoreError({ operation: "find", reason })) : inner.find(hash)
      })
  }))
).pipe(Layer.provide(layerMemoryKeyStore))

const services = Layer.merge(Layer.fresh(store), Layer.succeed(KeyPepper, { get: Effect.succeed(PEPPER) }))

const law = (title: string, body: Effect.Effect<void, unknown, KeyStore | KeyPepper>) =>
  it.effect(title, () => {
    Object.assign(state, { away: false, finds: 0 })
    return Effect.provide(body, services, { local: true })
  })

const issue = Effect.fnUntraced(function* (scope: ApiKey["scope"]) {
  const key = newApiKey(scope)
  const made = { project_id: "shop", scope, prefix: "mr", origins: [], hash: hashApiKey(key, PEPPER) }
  yield* (yield* KeyStore).create(made)
  return key
})

describe("the ring of keys", () => {
  law(
    "with a configured key it is closed, and stays closed beside an empty store",
    Effect.gen(function* () {
      const keyCache = yield* storedKeyCache(parseKeys("shop:write:0123456789abcdef"))
      for (let minute = 0; minute < 3; minute++) {
        assert.isTrue(keyCache.keyed())
        yield* TestClock.adjust("1 minute")
      }
    }).pipe(Effect.scoped)
  )
  law(
    "the first key closes it, and revoking the last does not open it",
    Effect.gen(function* () {
      const keyCache = yield* storedKeyCache(new Map())
      assert.isFalse(keyCache.keyed())
      const key = yield* issue("read")
      yield* TestClock.adjust("5 seconds")
      assert.isTrue(keyCache.keyed())
      yield* (yield* KeyStore).revoke(hashApiKey(key, PEPPER))
      yield* TestClock.adjust("1 minute")
      assert.isTrue(keyCache.keyed())
      assert.isTrue((yield* storedKeyCache(new Map())).keyed())
    }).pipe(Effect.scoped)
  )
  law(
    "a key is looked up once in 5 s, a revoked one refused after that, and what could not be issued never looked up",
    Effect.gen(function* () {
      const keyCache = yield* storedKeyCache(new Map())
      const key = yield* issue("read")
      const found = yield* Effect.all(
        Array.from({ length: 50 }, () => keyCache.find(key)),
        { concurrency: "unbounded" }
      )
      assert.isTrue(found.every(Option.isSome))
      yield* keyCache.find(`${key.slice(0, -1)}${key.endsWith("0") ? "1" : "0"}`)
      yield* keyCache.find("no key")
      assert.strictEqual(state.finds, 1)
      yield* (yield* KeyStore).revoke(hashApiKey(key, PEPPER))
      yield* TestClock.adjust("5001 millis")
      assert.isTrue(Option.isNone(yield* keyCache.find(key)))
    }).pipe(Effect.scoped)
  )
  law(
    "while the store is away a write key that was good stays so for 5 minutes; others are not decided",
    Effect.gen(function* () {
      const keyCache = yield* storedKeyCache(new Map())
      const [write, read, fresh] = [yield* issue("write"), yield* issue("read"), yield* issue("write")]
      yield* keyCache.find(write)
      yield* keyCache.find(read)
      state.away = true
      yield* TestClock.adjust("6 seconds")
      assert.isTrue(Option.isSome(yield* keyCache.find(write)))
      for (const key of [read, fresh]) assert.instanceOf(yield* Effect.flip(keyCache.find(key)), KeyStoreError)
      yield* TestClock.adjust("5 minutes")
      assert.instanceOf(yield* Effect.flip(keyCache.find(write)), KeyStoreError)
      state.away = false
      yield* TestClock.adjust("1 second")
      assert.isTrue(Option.isSome(yield* keyCache.find(write)))
    }).pipe(Effect.scoped)
  )
})
