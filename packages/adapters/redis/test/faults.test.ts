import { type Bucket, RateLimiter, RateLimiterError } from "@millrace/core"
import { redis } from "@millrace/test-services"
import { describeWithService } from "@millrace/test-services/vitest"
import { Context, Effect, Exit, Layer, Scope } from "effect"
import { randomUUID } from "node:crypto"
import { expect, it } from "vitest"
import { Redis, type RedisOptions } from "../src/index.ts"

const bucket: ReadonlyArray<Bucket> = [{ key: "a", capacity: 1e9, refillPerSecond: 1 }]

const withLimiter = async (options: RedisOptions, body: (take: () => Promise<unknown>) => Promise<void>) => {
  const scope = await Effect.runPromise(Scope.make())
  const context = await Effect.runPromise(Layer.buildWithScope(Redis.limiter(options), scope))
  const { take } = Context.get(context, RateLimiter)
  await body(() =>
    Effect.runPromise(
      Effect.match(take(bucket, 1), { onFailure: (error) => error, onSuccess: (taken) => taken.allowed })
    )
  )
  await Effect.runPromise(Scope.close(scope, Exit.void))
}

const until = async (condition: () => Promise<boolean>) => {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20))
}

await describeWithService("RateLimiter while Redis fails", redis(), (server, { owned }) => {
  const options = () => ({ url: server().url, name: randomUUID(), commandTimeoutMillis: 2_000, cooldownMillis: 50 })

  it("may share a server: other names are other buckets", async () => {
    await withLimiter(options(), async (take) => {
      expect(await take()).toBe(true)
      await withLimiter(options(), async (other) => {
        expect(await other()).toBe(true)
      })
    })
  })

  it.skipIf(!owned)("killed: a typed failure at once, and it works again after the restart", async () => {
    await withLimiter(options(), async (take) => {
      expect(await take()).toBe(true)
      await server().kill()
      await until(async () => (await take()) instanceof RateLimiterError)
      await server().start()
      await until(async () => (await take()) === true)
    })
  })

  it.skipIf(!owned)("paused: one request waits for the time-out, those after it for nothing", async () => {
    const own = { ...options(), commandTimeoutMillis: 1_000, cooldownMillis: 600_000 }
    await withLimiter(own, async (take) => {
      await until(async () => (await take()) === true)
      server().pause()
      try {
        expect(await take()).toBeInstanceOf(RateLimiterError)
        // Each alone would wait for its time-out: minutes in all, and the test would not end in time.
        for (let asked = 0; asked < 2_000; asked++) expect(await take()).toBeInstanceOf(RateLimiterError)
      } finally {
        server().resume()
      }
    })
  })

  it("opens while there is no server at all", async () => {
    await withLimiter({ ...options(), url: "redis://127.0.0.1:1" }, async (take) => {
      expect(await take()).toMatchObject({ operation: "take", reason: { _tag: "LimiterUnavailable" } })
    })
  })
})
