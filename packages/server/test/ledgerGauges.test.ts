import { Horizon, type QueueCounts, QueueLedger } from "@millrace/core"
import { Context, Effect, Layer } from "effect"
import { expect, it } from "vitest"
import { memory, startServer } from "./support/server.ts"

/** The queue's counts are what they are, but for these. */
const counting = (by: Partial<QueueCounts>) =>
  Layer.effectContext(
    Effect.gen(function* () {
      const services = yield* Layer.build(memory)
      const ledger = Context.get(services, QueueLedger)
      const counts = Effect.map(ledger.counts, (counted) => ({ ...counted, ...by }))
      return Context.add(services, QueueLedger, { ...ledger, counts })
    })
  )

const gaugeOf = (metrics: string, name: string) => Number(new RegExp(`^${name} (\\S+)$`, "mu").exec(metrics)?.[1])

it("metrics: what one project lacks does not make up for what another has too many", async () => {
  const server = await startServer({ adapters: counting({ accepted: { default: 2, other: -2 } }) })
  expect((await server.get("/ledger")).body).toMatchObject({ difference: 2 })
  expect(gaugeOf((await server.get("/metrics")).body, "millrace_reconcile_difference_events")).toBe(4)
  await server.close()
})

it("what is lost is in the ledger, in readiness and in the metrics, and balances", async () => {
  const server = await startServer({
    adapters: counting({ accepted: { default: 5, other: 2 }, lost: { default: 5, other: 2 } })
  })
  expect((await server.get("/ledger")).body).toMatchObject({ accepted: 5, lost: 5, difference: 0 })
  const { body, status } = await server.get("/readyz")
  expect([status, body.status, body.ledger]).toEqual([200, "ready", { lost: 7, difference: 0 }])
  expect(gaugeOf((await server.get("/metrics")).body, "millrace_lost_events")).toBe(7)
  await server.close()
})

it("a transaction that holds the load back is in readiness, and makes nobody unready", async () => {
  const held = Layer.effectContext(
    Effect.map(Layer.build(memory), (services) => Context.add(services, Horizon, { ageSeconds: Effect.succeed(75) }))
  )
  const server = await startServer({ adapters: held })
  const { body, status } = await server.get("/readyz")
  expect([status, body.store]).toEqual([200, { reachable: true, held_back_seconds: 75 }])
  await server.close()
})
