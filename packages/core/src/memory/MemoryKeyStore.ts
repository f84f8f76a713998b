import { Clock, Effect, Layer, Option } from "effect"
import { KeyStore, type StoredApiKey } from "../port/KeyStore.ts"

/** Keys for as long as the process. */
export const layerMemoryKeyStore: Layer.Layer<KeyStore> = Layer.sync(KeyStore, () => {
  const keys = new Map<string, StoredApiKey>()
  const nowMicros = Effect.map(Clock.currentTimeMillis, (millis) => millis * 1000)
  return KeyStore.of({
    find: (hash) =>
      Effect.sync(() => {
        const found = keys.get(hash)
        if (found === undefined || found.revoked_at !== undefined) return Option.none()
        const { origins, prefix, project_id, scope } = found
        return Option.some({ project_id, scope, prefix, origins })
      }),
    create: (key) =>
      Effect.map(nowMicros, (created_at) => {
        if (keys.has(key.hash)) return false
        keys.set(key.hash, { ...key, created_at, revoked_at: undefined })
        return true
      }),
    list: (project_id) =>
      Effect.sync(() => [...keys.values()].filter((key) => project_id === undefined || key.project_id === project_id)),
    revoke: (hash) =>
      Effect.map(nowMicros, (revoked_at) => {
        const found = keys.get(hash)
        if (found === undefined || found.revoked_at !== undefined) return false
        keys.set(hash, { ...found, revoked_at })
        return true
      })
  })
})
