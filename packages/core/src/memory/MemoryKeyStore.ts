import { Effect, Layer, Option } from "effect"
import { type ApiKey, KeyStore } from "../port/KeyStore.ts"

/** Keys known from the start, by lower-case hex SHA-256. */
export const layerMemoryKeyStore = (keys: ReadonlyMap<string, ApiKey>): Layer.Layer<KeyStore> =>
  Layer.succeed(KeyStore, { find: (hash) => Effect.sync(() => Option.fromUndefinedOr(keys.get(hash))) })
