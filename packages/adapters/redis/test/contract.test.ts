import { rateLimiterContract } from "@millrace/testing"
import { redis } from "@millrace/test-services"
import { describeWithService } from "@millrace/test-services/vitest"
import { Effect } from "effect"
import { randomUUID } from "node:crypto"
import { Redis } from "../src/index.ts"

await describeWithService("RateLimiter on Redis", redis(), (server) => {
  rateLimiterContract("redis", {
    shared: true,
    place: () =>
      Effect.sync(() => {
        const name = randomUUID()
        // The tests ask far more at once than requests do; none may be refused by the clock.
        return () => Redis.limiter({ url: server().url, name, commandTimeoutMillis: 30_000 })
      })
  })
})
