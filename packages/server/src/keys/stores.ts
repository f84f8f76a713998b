import { KeyStore, type KeyStoreError } from "@millrace/core"
import { layerMemoryKeyStore } from "@millrace/core/memory"
import { Context, Effect, Layer, type Redacted } from "effect"
import { join } from "node:path"
import { postgresAddress } from "../adapters/addresses.ts"
import { type AdapterNotInstalled, BadAdapterChoice } from "../adapters/failures.ts"
import { at, lazyAdapter } from "../adapters/lazyAdapter.ts"
import { configuredPepper, PEPPER_SETTING, secretFile } from "./pepper.ts"

export interface KeyPlaces {
  /** Empty: nothing is kept. */
  readonly directory: string
  readonly postgresUrl?: Redacted.Redacted | undefined
  readonly keyStore?: KeyStoreName | undefined
  readonly keyPepper?: Redacted.Redacted | undefined
}

type Failure = AdapterNotInstalled | BadAdapterChoice | KeyStoreError

/** By the name in `MILLRACE_KEY_STORE`. */
const keyStores = {
  file: ({ directory }) =>
    lazyAdapter(
      "@millrace/embedded",
      () => import("@millrace/embedded"),
      (it) => it.Embedded.keys({ path: join(directory, "keys", "keys.ndjson") })
    ),
  postgres: ({ postgresUrl }) =>
    lazyAdapter(
      "@millrace/postgres",
      () => import("@millrace/postgres"),
      (it) => at(postgresAddress, postgresUrl, it.Postgres.keys)
    ),
  memory: () => layerMemoryKeyStore
} as const satisfies Record<string, (places: KeyPlaces) => Layer.Layer<KeyStore, Failure>>

export type KeyStoreName = keyof typeof keyStores
export const keyStoreNames = ["file", "postgres", "memory"] as const satisfies ReadonlyArray<KeyStoreName>

/** What hashes the keys of the store beside it; read, or made, when the first key is hashed. */
export class KeyPepper extends Context.Service<
  KeyPepper,
  { readonly get: Effect.Effect<Uint8Array, BadAdapterChoice> }
>()("@millrace/server/KeyPepper") {}

/** Instances that share keys must share the pepper too, so PostgreSQL's is the usual one only where a pepper is given. */
export const keyStoreNameOf = ({ directory, keyPepper, keyStore, postgresUrl }: KeyPlaces): KeyStoreName =>
  keyStore ?? (postgresUrl !== undefined && keyPepper !== undefined ? "postgres" : directory === "" ? "memory" : "file")

/** The key store with its pepper: see `docs/configuration.md`. */
export const keyStoreLayer = (places: KeyPlaces): Layer.Layer<KeyStore | KeyPepper, Failure> =>
  Layer.merge(
    Layer.suspend((): Layer.Layer<KeyStore, Failure> => keyStores[keyStoreNameOf(places)](places)),
    pepperLayer(places)
  )

export const pepperLayer = (places: KeyPlaces): Layer.Layer<KeyPepper, BadAdapterChoice> =>
  Layer.effect(KeyPepper, pepperOf(places))

const pepperOf = (places: KeyPlaces): Effect.Effect<KeyPepper["Service"], BadAdapterChoice> => {
  if (places.keyPepper !== undefined) {
    return Effect.map(configuredPepper(places.keyPepper), (pepper) => ({ get: Effect.succeed(pepper) }))
  }
  if (keyStoreNameOf(places) !== "file") {
    return Effect.fail(
      new BadAdapterChoice({ setting: PEPPER_SETTING, rule: "is not set: instances that share keys share it" })
    )
  }
  return Effect.succeed({ get: secretFile(join(places.directory, "keys", "pepper"), PEPPER_SETTING) })
}
