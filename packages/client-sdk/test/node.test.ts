import dns from "node:dns"
import { numberTexts } from "../../testing/src/numberLaws.ts"
import { afterAll, describe, expect, it } from "vitest"
import { createClient } from "../src/node/index.ts"
import type { Client, ClientProblem, Properties } from "../src/core/types.ts"
import type { Driver } from "./support/Driver.ts"
import { identityChecks } from "./support/identityChecks.ts"
import { networkChecks } from "./support/networkChecks.ts"
import { useRig } from "./support/rig.ts"
import { valueChecks } from "./support/valueChecks.ts"

const rig = useRig()
const opened: Array<Client<Record<string, Properties>>> = []
const lookup = dns.lookup
afterAll(async () => {
  dns.lookup = lookup
  await Promise.all(opened.map((client) => client.shutdown()))
})

/** MILLRACE_PROPERTY_NUMBERS sets how many. */
const TEXTS = numberTexts()
const INTEGER = /^-?[1-9]\d*$/u

const UNKNOWN = "events.invalid"

const driver: Driver = {
  name: "node",
  open: async (options) => {
    const problems: Array<ClientProblem> = []
    const onError = (problem: ClientProblem) => void problems.push(problem)
    const client = createClient({ ...options, onError, handleSignals: false, exitTimeoutMillis: 100 })
    opened.push(client)
    return {
      run: async (script, argument) => script(client, argument as never),
      problems: async () => problems
    }
  },
  failLookups: async (times) => {
    let left = times
    const flaky = (name: string, ...rest: ReadonlyArray<unknown>) => {
      const healed = name === UNKNOWN && left-- <= 0
      return (lookup as (...all: ReadonlyArray<unknown>) => void)(healed ? "127.0.0.1" : name, ...rest)
    }
    dns.lookup = flaky as typeof dns.lookup
    return UNKNOWN
  }
}

describe("Node", () => {
  networkChecks(driver, rig)
  valueChecks(driver, rig)
  identityChecks(driver, rig)

  it("every number arrives as it was: a double the double, a bigint with every digit", async () => {
    const door = await rig.door()
    const client = createClient({ host: door.url, flushMillis: 10, handleSignals: false })
    const ids = TEXTS.map((text) =>
      client.track("numbers", { double: Number(text), ...(INTEGER.test(text) ? { big: BigInt(text) } : {}) })
    )
    await client.flush()
    const rows = await rig.expectExactly("numbers", ids)
    const arrived = ids.map((id) => rows.get(id)!.properties as { double: number; big?: number | string })
    expect(arrived.map(({ double }) => double)).toEqual(TEXTS.map((text) => Number(text) + 0))
    const bigints = arrived.flatMap(({ big }) => (big === undefined ? [] : [String(big)]))
    expect(bigints).toEqual(TEXTS.filter((text) => INTEGER.test(text)))
    await client.shutdown()
  })

  it("waitUntil is told of a delivery that begins at once, one for a turn", async () => {
    const door = await rig.door()
    const deliveries: Array<Promise<unknown>> = []
    const waitUntil = (delivery: Promise<unknown>) => void deliveries.push(delivery)
    const client = createClient({ host: door.url, flushMillis: 3_600_000, handleSignals: false, waitUntil })
    const ids = [client.track("waitUntil"), client.track("waitUntil")]
    expect(deliveries).toHaveLength(1)
    await Promise.all(deliveries)
    expect(client.stats()).toEqual({ queued: 0, sent: 2, dropped: 0 })
    await rig.expectExactly("waitUntil", ids)
    await client.shutdown()
  })

  it("shutdown sends what waits, leaves no listener behind, and large bodies go compressed", async () => {
    const before = ["exit", "SIGTERM"].map((name) => process.listenerCount(name))
    const door = await rig.door()
    const client = createClient({ host: door.url, flushMillis: 3_600_000 })
    const ids = Array.from({ length: 50 }, (_, n) => client.track("shutdown", { n }))
    await client.shutdown()
    expect(["exit", "SIGTERM"].map((name) => process.listenerCount(name))).toEqual(before)
    expect(door.seen.map(({ headers }) => headers["content-encoding"])).toEqual(["gzip"])
    await rig.expectExactly("shutdown", ids)
  })
})
