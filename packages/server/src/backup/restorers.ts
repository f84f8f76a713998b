import type { Restorer } from "@millrace/core"
import { Effect, type Redacted } from "effect"
import { natsAddress, postgresAddress } from "../adapters/addresses.ts"
import { AdapterNotInstalled, type BadAdapterChoice } from "../adapters/failures.ts"
import { optionsAt } from "../adapters/lazily.ts"
import type { NatsSettings } from "../adapters/natsConfig.ts"
import { natsOptions } from "../adapters/natsOptions.ts"
import type { Served } from "./Manifest.ts"

/** As the server takes them from its variables. */
export interface RestorePlaces {
  readonly postgresUrl?: Redacted.Redacted | undefined
  readonly natsUrl?: Redacted.Redacted | undefined
  readonly nats?: NatsSettings | undefined
}

type Opens = (places: RestorePlaces) => Effect.Effect<Restorer, AdapterNotInstalled | BadAdapterChoice>

const loaded = <Module>(name: string, load: () => Promise<Module>) =>
  Effect.tryPromise({ try: load, catch: (cause) => new AdapterNotInstalled({ package: name, cause }) })

const restorers: Readonly<Record<Served, Opens>> = {
  nats: Effect.fnUntraced(function* ({ nats = {}, natsUrl }) {
    const address = yield* optionsAt(natsAddress, natsUrl)
    const { Nats } = yield* loaded("@millrace/nats", () => import("@millrace/nats"))
    return Nats.restorer(natsOptions(address, nats))
  }),
  postgres: Effect.fnUntraced(function* ({ postgresUrl }) {
    const address = yield* optionsAt(postgresAddress, postgresUrl)
    const { Postgres } = yield* loaded("@millrace/postgres", () => import("@millrace/postgres"))
    return Postgres.restorer(address)
  })
}

/** Imports the adapter, and fails where its address is not set. */
export const restorerOf = (name: Served, places: RestorePlaces) => restorers[name](places)
