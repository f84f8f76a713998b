import { type ApiKey, everyMillis, KeysUnavailable, KeyStore, KeyStoreError, superviseLoop } from "@millrace/core"
import { Cache, Clock, Effect, Exit, Option, type Scope } from "effect"
import { hashApiKey, isApiKey } from "./apiKeyText.ts"
import { findConfigured, type Keys } from "./configuredKeys.ts"
import { KeyPepper } from "./stores.ts"

/** How long this instance goes by what it has read: a revoked key is refused everywhere after this at most. */
const KNOWN_MILLIS = 5_000
const UNKNOWN_MILLIS = 1_000
const FAILED_MILLIS = 500
const CAPACITY = 10_000
/** While the store is away, a write key that was good before stays so: what it brings goes to the queue, and can wait. */
const STALE_WRITE_MILLIS = 300_000

/** All API keys a server knows: configured ones, and those of a store. */
export interface KeyCache {
  readonly find: (key: string) => Effect.Effect<Option.Option<ApiKey>, KeyStoreError>
  /** Is there, or was there ever, a key? Once true it stays true: a server is not opened by revoking its last key. */
  readonly keyed: () => boolean
}

export const configuredKeyCache = (keys: Keys): KeyCache => ({
  find: (key) => Effect.sync(() => Option.fromUndefinedOr(findConfigured(keys, key))),
  keyed: () => keys.size > 0
})

/** With the store's keys; a first key that is made while the server runs closes it to others within seconds. */
export const storedKeyCache = (
  keys: Keys
): Effect.Effect<KeyCache, KeyStoreError, KeyStore | KeyPepper | Scope.Scope> =>
  Effect.gen(function* () {
    const store = yield* KeyStore
    const { get: pepper } = yield* KeyPepper
    const configured = configuredKeyCache(keys)
    const find = yield* cachedFind(store)
    let keyed = configured.keyed()
    const look = Effect.map(store.list(), (found) => {
      // Never back to false, whatever becomes of the store.
      keyed ||= found.length > 0
    })
    yield* look
    const lookAgain = Effect.suspend(() => (keyed ? Effect.undefined : Effect.as(look, KNOWN_MILLIS)))
    yield* superviseLoop(everyMillis("first-key", KNOWN_MILLIS), lookAgain)
    return {
      find: (key) =>
        Effect.flatMap(configured.find(key), (known) =>
          Option.isSome(known) || !isApiKey(key)
            ? Effect.succeed(known)
            : Effect.flatMap(Effect.mapError(pepper, noPepper), (secret) => find(hashApiKey(key, secret)))
        ),
      keyed: () => keyed
    }
  })

const noPepper = (cause: unknown) => new KeyStoreError({ operation: "find", reason: new KeysUnavailable({ cause }) })

const cachedFind = Effect.fnUntraced(function* (store: KeyStore["Service"]) {
  const cache = yield* Cache.makeWith(store.find, {
    capacity: CAPACITY,
    timeToLive: Exit.match({
      onFailure: () => FAILED_MILLIS,
      onSuccess: (found: Option.Option<ApiKey>) => (Option.isSome(found) ? KNOWN_MILLIS : UNKNOWN_MILLIS)
    })
  })
  const seen = new SeenWriteKeys()
  return Effect.fnUntraced(function* (hash: string) {
    const now = yield* Clock.currentTimeMillis
    const found = yield* Effect.exit(Cache.get(cache, hash))
    if (Exit.isSuccess(found)) {
      seen.note(hash, found.value, now)
      return found.value
    }
    const stale = seen.find(hash, now)
    return stale === undefined ? yield* found : Option.some(stale)
  })
})

/** Write keys that the store has confirmed, with the time; the oldest go first. */
class SeenWriteKeys {
  readonly #keys = new Map<string, { readonly key: ApiKey; readonly at: number }>()

  note(hash: string, found: Option.Option<ApiKey>, now: number): void {
    this.#keys.delete(hash)
    if (Option.isNone(found) || found.value.scope !== "write") return
    this.#keys.set(hash, { key: found.value, at: now })
    if (this.#keys.size > CAPACITY) this.#keys.delete(this.#keys.keys().next().value!)
  }

  find(hash: string, now: number): ApiKey | undefined {
    const seen = this.#keys.get(hash)
    return seen !== undefined && now - seen.at <= STALE_WRITE_MILLIS ? seen.key : undefined
  }
}
