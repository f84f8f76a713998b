import { type ApiKey, type KeyScope, KeyStore } from "@millrace/core"
import { Context, Effect, Layer, Option } from "effect"
import type { Headers } from "effect/http"
import { createHash } from "node:crypto"
import { type Refusal, refusal, retryLater } from "./Refusal.ts"

/** The project of every request when the server runs without keys. */
export const DEFAULT_PROJECT = "default"

/** Decides whose project a request is about, and whether it may do what it asks. */
export class Access extends Context.Service<
  Access,
  {
    readonly keyed: boolean
    /** `key`: as presented, `undefined` when the request shows none. Returns the project. */
    readonly project: (key: string | undefined, scope: KeyScope) => Effect.Effect<string, Refusal>
  }
>()("@millrace/server/Access") {
  /** Everyone may do everything, in one project. */
  static readonly keyless: Layer.Layer<Access> = Layer.succeed(Access, {
    keyed: false,
    project: () => Effect.succeed(DEFAULT_PROJECT)
  })

  static readonly keyed: Layer.Layer<Access, never, KeyStore> = Layer.effect(
    Access,
    Effect.map(KeyStore, (store) => ({ keyed: true, project: (key, scope) => checkKey(store, key, scope) }))
  )
}

/** `Authorization: Bearer`, or `x-api-key`. */
export const presentedKey = (headers: Headers.Headers): string | undefined =>
  /^Bearer +(\S+) *$/iu.exec(headers["authorization"] ?? "")?.[1] ?? headers["x-api-key"]

export const hashKey = (key: string) => createHash("sha256").update(key).digest("hex")

const CHALLENGE = { headers: { "www-authenticate": 'Bearer realm="millrace"' } }
const missing = refusal("unauthenticated", "Send an API key as Authorization: Bearer, or as x-api-key.", CHALLENGE)
const unknown = refusal("unauthenticated", "This API key is not known.", CHALLENGE)

const checkKey = Effect.fnUntraced(function* (store: KeyStore["Service"], key: string | undefined, scope: KeyScope) {
  if (key === undefined || key === "") return yield* Effect.fail(missing)
  const found = yield* Effect.mapError(store.find(hashKey(key)), () =>
    retryLater("keys_unavailable", "API keys cannot be checked at the moment.")
  )
  if (Option.isNone(found)) return yield* Effect.fail(unknown)
  if (!allows(found.value, scope)) {
    return yield* Effect.fail(
      refusal("wrong_scope", `This key is a ${found.value.scope} key; this needs a key of scope ${scope}.`)
    )
  }
  return found.value.project_id
})

const allows = (key: ApiKey, scope: KeyScope) => key.scope === scope || key.scope === "admin"
