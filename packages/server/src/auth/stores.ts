import type { UserStore, UserStoreError } from "@millrace/core"
import { layerMemoryUserStore } from "@millrace/core/memory"
import { Layer } from "effect"
import { join } from "node:path"
import { postgresAddress } from "../adapters/addresses.ts"
import type { AdapterNotInstalled, BadAdapterChoice } from "../adapters/failures.ts"
import { at, lazily } from "../adapters/lazily.ts"
import { type KeyPlaces, type KeyStoreName, keyStoreNameOf } from "../keys/stores.ts"

type Failure = AdapterNotInstalled | BadAdapterChoice | UserStoreError

/** Beside the API keys: by the name in `MILLRACE_KEY_STORE`. */
const userStores: Readonly<Record<KeyStoreName, (places: KeyPlaces) => Layer.Layer<UserStore, Failure>>> = {
  file: ({ directory }) =>
    lazily(
      "@millrace/embedded",
      () => import("@millrace/embedded"),
      (it) => it.Embedded.users({ path: join(directory, "keys", "users.ndjson") })
    ),
  postgres: ({ postgresUrl }) =>
    lazily(
      "@millrace/postgres",
      () => import("@millrace/postgres"),
      (it) => at(postgresAddress, postgresUrl, it.Postgres.users)
    ),
  memory: () => layerMemoryUserStore
}

export const userStoreLayer = (places: KeyPlaces): Layer.Layer<UserStore, Failure> =>
  Layer.suspend(() => userStores[keyStoreNameOf(places)](places))
