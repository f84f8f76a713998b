import { deliveryContract, storeServicesContract, keyStoreContract, accountStoreContract } from "@millrace/testing"
import { postgres } from "@millrace/test-services"
import { describeWithService } from "@millrace/test-services/vitest"
import { Effect, Layer } from "effect"
import { Postgres } from "../src/index.ts"

await describeWithService("EventStore on PostgreSQL", postgres(), (server) => {
  const layer = () =>
    Layer.unwrap(
      Effect.map(
        Effect.promise(() => server().createDatabase()),
        (url) => Postgres.layer({ url })
      )
    )
  storeServicesContract("postgres", { layer })
  deliveryContract("postgres", { layer })
  keyStoreContract("postgres", {
    durable: true,
    place: () =>
      Effect.map(
        Effect.promise(() => server().createDatabase()),
        (url) => () => Postgres.keys({ url })
      )
  })
  accountStoreContract("postgres", {
    durable: true,
    place: () =>
      Effect.map(
        Effect.promise(() => server().createDatabase()),
        (url) => () => Postgres.accounts({ url })
      )
  })
})
