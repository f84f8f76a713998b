import dns from "node:dns"
import { afterAll, describe } from "vitest"
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
})
