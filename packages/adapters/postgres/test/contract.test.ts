import { eventStoreContract } from "@millrace/core/testing"
import { postgres } from "@millrace/test-services"
import { describeWithService } from "@millrace/test-services/vitest"
import { Effect, Layer } from "effect"
import { Postgres } from "../src/index.ts"

await describeWithService("EventStore on PostgreSQL", postgres(), (server) => {
  eventStoreContract("postgres", {
    layer: () =>
      Layer.unwrap(
        Effect.map(
          Effect.promise(() => server().createDatabase()),
          (url) => Postgres.layer({ url })
        )
      )
  })
})
