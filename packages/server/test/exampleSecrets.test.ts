import { Effect, Redacted } from "effect"
import { readFileSync } from "node:fs"
import { expect, it } from "vitest"
import { natsAddress, postgresAddress, redisAddress } from "../src/adapters/addresses.ts"
import { optionsAt } from "../src/adapters/lazyAdapter.ts"
import { configuredPepper } from "../src/keys/pepper.ts"
import { parseKeys } from "../src/index.ts"

const EXAMPLE = readFileSync(new URL("../../../.env.example", import.meta.url), "utf8")
const shown = [...EXAMPLE.matchAll(/^(\w+)=(.*change.*)$/gmu)].map(([, name, value]) => [name!, value!] as const)
const SPELLINGS = [
  "change-me",
  "changeme",
  "CHANGE_ME",
  "Change-Me-0123456789-0123456789-0123",
  "please-change-me-now-0123456789-0123456"
]

it("a key that the example shows is refused at the start, by its place, never repeated", () => {
  const keys = [
    ...shown.filter(([name]) => name === "MILLRACE_KEYS").map(([, value]) => value),
    "shop:write:changeme-0123456789"
  ]
  expect(keys.length).toBeGreaterThan(1)
  for (const text of keys) {
    expect(() => parseKeys(text)).toThrow(/MILLRACE_KEYS, entry 1: the key is the example's/u)
    expect(() => parseKeys(text)).not.toThrow(new RegExp(text.split(":").at(-1)!, "u"))
  }
  expect(parseKeys("shop:write:4f9c2e71aa03b6d8").size).toBe(1)
})

it.each([
  [
    "MILLRACE_POSTGRES_URL",
    (secret: string) => optionsAt(postgresAddress, Redacted.make(`postgres://millrace:${secret}@postgres:5432/m`))
  ],
  [
    "MILLRACE_NATS_URL",
    (secret: string) => optionsAt(natsAddress, Redacted.make(`nats://a:1, nats://millrace:${secret}@nats:4222`))
  ],
  ["MILLRACE_NATS_URL", (secret: string) => optionsAt(natsAddress, Redacted.make(`nats://${secret}@nats:4222`))],
  [
    "MILLRACE_REDIS_URL",
    (secret: string) => optionsAt(redisAddress(), Redacted.make(`redis://:${secret}@redis:6379/0`))
  ],
  ["MILLRACE_KEY_PEPPER", (secret: string) => configuredPepper(Redacted.make(secret.padEnd(40, "x")))]
] as ReadonlyArray<readonly [string, (secret: string) => Effect.Effect<unknown, unknown>]>)(
  "%s with the example's secret, however it is written, is refused by name",
  async (setting, read) => {
    for (const secret of SPELLINGS) {
      const error = await Effect.runPromise(Effect.flip(read(secret)))
      expect(String(error)).toContain("is the example's")
      expect(error).toMatchObject({ setting })
      expect(String(error)).not.toContain(secret)
    }
    await Effect.runPromise(read("a4f90c21d7e35b86"))
  }
)
