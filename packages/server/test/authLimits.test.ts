import { layerMemoryRateLimiter } from "@millrace/core/memory"
import { assert, it } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import type { HttpServerRequest } from "effect/http"
import { TestClock } from "effect/testing"
import { type AuthPolicy, makeAuthLimits } from "../src/auth/AuthLimits.ts"
import { retryLater } from "../src/http/Refusal.ts"
import { Telemetry } from "../src/http/Telemetry.ts"

const policy: AuthPolicy = {
  accountAtAddressPerHour: 4,
  accountPerHour: 4,
  addressPerHour: 100,
  requestsPerHour: 1_000,
  refreshesPerHour: 100,
  trustedProxies: 0
}

/** All that limits look at. */
const from = (address: string) =>
  ({ headers: {}, peerAddress: Option.some(address) }) as unknown as HttpServerRequest.HttpServerRequest

const services = Layer.merge(layerMemoryRateLimiter(), Telemetry.layer)

/** `right`, `wrong`, or refused for too many before. */
const attempting = Effect.map(
  makeAuthLimits(policy),
  (limits) => (address: string, right: boolean) =>
    Effect.match(limits.login(from(address), "ada", Effect.succeed(right ? "ada" : undefined)), {
      onFailure: ({ problem }) => problem.status,
      onSuccess: (found) => (found === undefined ? "wrong" : "right")
    })
)

const failFrom = (attempt: Effect.Success<typeof attempting>, addresses: ReadonlyArray<string>) =>
  Effect.forEach(addresses, (address) => attempt(address, false))

it.effect("an attempt that could not be judged is given back", () =>
  Effect.gen(function* () {
    const limits = yield* makeAuthLimits(policy)
    const busy = limits.login(from("1.1.1.1"), "ada", Effect.fail(retryLater("overloaded", "Later.")))
    for (let at = 0; at < 10; at++) assert.strictEqual((yield* Effect.flip(busy)).problem.status, 503)
  }).pipe(Effect.provide(services))
)

it.effect("an address is known for at least 30 days after each success, and for 60 at most", () =>
  Effect.gen(function* () {
    const attempt = yield* attempting
    const elsewhere = ["2.2.2.2", "3.3.3.3", "4.4.4.4", "5.5.5.5"]
    const usedUp = Effect.andThen(failFrom(attempt, elsewhere), attempt("6.6.6.6", true))
    yield* attempt("1.1.1.1", true)
    yield* TestClock.adjust("20 days")
    for (const _ of [1, 2]) yield* attempt("1.1.1.1", true)
    yield* TestClock.adjust("719 hours")
    assert.deepStrictEqual([yield* usedUp, yield* attempt("1.1.1.1", true)], [429, "right"])
    yield* TestClock.adjust("60 days")
    assert.deepStrictEqual([yield* usedUp, yield* attempt("1.1.1.1", true)], [429, 429])
    yield* TestClock.adjust("1 hour")
    assert.strictEqual(yield* attempt("1.1.1.1", true), "right")
  }).pipe(Effect.provide(services))
)

it.effect("clients without an address share the limit of one", () =>
  Effect.gen(function* () {
    const limits = yield* makeAuthLimits(policy)
    const nowhere = { headers: {}, peerAddress: Option.none() } as unknown as HttpServerRequest.HttpServerRequest
    const attempt = limits.login(nowhere, "ada", Effect.undefined)
    for (let at = 0; at < 4; at++) assert.isUndefined(yield* attempt)
    assert.strictEqual((yield* Effect.flip(attempt)).problem.status, 429)
    yield* limits.session(nowhere, undefined)
  }).pipe(Effect.provide(services))
)
