import type { AccountStore, AccountStoreError } from "@millrace/core"
import { layerMemoryAccountStore } from "@millrace/core/memory"
import { Layer } from "effect"
import { join } from "node:path"
import { postgresAddress } from "../adapters/addresses.ts"
import type { AdapterNotInstalled, BadAdapterChoice } from "../adapters/failures.ts"
import { at, lazyAdapter } from "../adapters/lazyAdapter.ts"
import { type KeyPlaces, type KeyStoreName, keyStoreNameOf } from "../keys/stores.ts"

type Failure = AdapterNotInstalled | BadAdapterChoice | AccountStoreError

/** Beside the API keys: by the name in `MILLRACE_KEY_STORE`. */
const accountStores: Readonly<Record<KeyStoreName, (places: KeyPlaces) => Layer.Layer<AccountStore, Failure>>> = {
  file: ({ directory }) =>
    lazyAdapter(
      "@millrace/embedded",
      () => import("@millrace/embedded"),
      (it) => it.Embedded.accounts({ path: join(directory, "keys", "users.ndjson") })
    ),
  postgres: ({ postgresUrl }) =>
    lazyAdapter(
      "@millrace/postgres",
      () => import("@millrace/postgres"),
      (it) => at(postgresAddress, postgresUrl, it.Postgres.accounts)
    ),
  memory: () => layerMemoryAccountStore
}

export const accountStoreLayer = (places: KeyPlaces): Layer.Layer<AccountStore, Failure> =>
  Layer.suspend(() => accountStores[keyStoreNameOf(places)](places))
