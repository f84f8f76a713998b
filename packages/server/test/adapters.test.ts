import { NatsOptions } from "@millrace/nats"
import { ConfigProvider, Effect, Layer, Redacted } from "effect"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"
import { natsAddress, natsOptions } from "../src/adapters/addresses.ts"
import { natsConfig } from "../src/adapters/natsConfig.ts"
import { limiterNames } from "../src/limits/config.ts"
import { lazyAdapter } from "../src/adapters/lazyAdapter.ts"
import { type AdapterChoice, adapters, queueNames, storeNames, warehouseNames } from "../src/adapters/registry.ts"
import { startProcess } from "./support/child.ts"
import { temporaryDirectory } from "./support/server.ts"

const root = fileURLToPath(new URL("../../adapters", import.meta.url))
const folders = readdirSync(root, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)
const registered = new Set<string>([...queueNames, ...storeNames, ...warehouseNames, ...limiterNames])

describe("registration", () => {
  it("there are adapters to check", () => {
    expect(folders.length).toBeGreaterThan(0)
  })

  it.each(folders)("%s is registered, and runs its ports' contracts", (folder) => {
    expect([...registered]).toContain(folder)
    const test = `${root}/${folder}/test/contract.test.ts`
    expect(existsSync(test), `${folder} has no test/contract.test.ts`).toBe(true)
    expect(readFileSync(test, "utf8")).toMatch(/\w+Contract\(/u)
  })

  it("every registered name is an adapter's folder, or memory, or none", () => {
    expect([...registered].toSorted()).toEqual([...folders, "memory", "none"].toSorted())
  })
})

const failureOf = (choice: Partial<AdapterChoice>) =>
  Effect.runPromise(
    Effect.flip(
      Effect.scoped(Layer.build(adapters({ queue: "memory", warehouse: "memory", directory: "", ...choice })))
    )
  )

describe("a choice that cannot work is refused by its name, before anything is opened", () => {
  it.each([
    [{ queue: "memory", store: "embedded" }, "MILLRACE_STORE", "embedded needs MILLRACE_QUEUE=embedded"],
    [{ queue: "nats", store: "embedded" }, "MILLRACE_STORE", "embedded needs MILLRACE_QUEUE=embedded"],
    [{ queue: "embedded", store: "memory" }, "MILLRACE_STORE", "memory needs MILLRACE_QUEUE=memory"],
    [{ store: "postgres" }, "MILLRACE_POSTGRES_URL", "is not set"],
    [{ queue: "nats" }, "MILLRACE_NATS_URL", "is not set"],
    [{ queue: "none" }, "MILLRACE_POSTGRES_URL", "is not set"],
    [{ queue: "none", store: "memory" }, "MILLRACE_STORE", "memory needs MILLRACE_QUEUE=memory"]
  ] as const)("%j", async (choice, setting, rule) => {
    const failure = await failureOf({ postgresUrl: undefined, ...choice })
    expect(failure).toMatchObject({ _tag: "BadAdapterChoice", setting })
    expect(failure.message).toContain(rule)
  })

  it.each(["s3cret", "mysql://u:s3cret@h/d", "//s3cret"])("an address is never repeated: %s", async (text) => {
    const address = Redacted.make(text)
    for (const choice of [
      { store: "postgres", postgresUrl: address } as const,
      { queue: "nats", natsUrl: address } as const
    ]) {
      const failure = await failureOf(choice)
      expect(failure).toMatchObject({ _tag: "BadAdapterChoice" })
      expect(failure.message).not.toContain("s3cret")
    }
  })

  it("a package that is not installed is named", async () => {
    const name = "@millrace/not-there"
    const layer = lazyAdapter(
      name,
      () => import(name) as Promise<object>,
      () => Layer.empty
    )
    const failure = await Effect.runPromise(Effect.flip(Effect.scoped(Layer.build(layer))))
    expect(failure).toMatchObject({ _tag: "AdapterNotInstalled", package: name })
    expect(failure.message).toContain(`npm install ${name}`)
  })

  it("the process says it on one line and exits with 1", async () => {
    const refused = startProcess(temporaryDirectory(), { MILLRACE_STORE: "postgres" })
    await expect(refused).rejects.toThrow(/ended with 1: millrace: MILLRACE_POSTGRES_URL is not set; .*\n$/u)
  })
})

describe("MILLRACE_NATS_URL", () => {
  it.each([
    ["nats://h:4222", { servers: ["nats://h:4222"] }],
    ["nats://a, nats://b:1", { servers: ["nats://a", "nats://b:1"] }],
    ["tls://[::1]:4222", { servers: ["tls://[::1]:4222"], tls: {} }],
    ["nats://u:p%40x@h", { servers: ["nats://h"], credentials: { user: "u", password: "p@x" } }],
    ["nats://t0ken@h", { servers: ["nats://h"], credentials: { token: "t0ken" } }],
    ["", undefined],
    ["nats://", undefined],
    ["nats://a,", undefined],
    ["http://h", undefined]
  ])("%j", (text, expected) => {
    expect(natsAddress.parse(text)).toEqual(expected)
  })
})

describe("MILLRACE_NATS_*", () => {
  const read = (env: Record<string, string>) =>
    Effect.runSync(
      natsConfig.pipe(Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env })))
    )
  const address = { servers: ["nats://h"] as const, credentials: { user: "u", password: "p" } }

  it.each([
    [{}, address],
    [{ MILLRACE_NATS_TLS: "true" }, { ...address, tls: {} }],
    [{ MILLRACE_NATS_CA_FILE: "/ca" }, { ...address, tls: { caFile: "/ca" } }],
    [
      { MILLRACE_NATS_CERT_FILE: "/c", MILLRACE_NATS_KEY_FILE: "/k", MILLRACE_NATS_CREDENTIALS_FILE: "/u.creds" },
      { ...address, credentials: { credentialsFile: "/u.creds" }, tls: { certFile: "/c", keyFile: "/k" } }
    ],
    [{ MILLRACE_NATS_NKEY_SEED: "SU" }, { ...address, credentials: { nkeySeed: "SU" } }],
    [
      { MILLRACE_NATS_REPLICAS: "3", MILLRACE_NATS_MAX_BYTES: "1000", MILLRACE_NATS_SYNC_ALWAYS: "true" },
      { ...address, replicas: 3, maxBytes: 1_000, syncAlways: true }
    ],
    [
      { MILLRACE_NATS_NAME: "n", MILLRACE_NATS_MONITORING_URL: "http://h:8222" },
      { ...address, name: "n", monitoringUrl: "http://h:8222" }
    ]
  ])("%j", (env, expected) => {
    expect(natsOptions(address, read(env))).toEqual(expected)
  })

  it("each number of the adapter's options has a variable, and one out of bounds is refused by its name", async () => {
    const refused = startProcess(temporaryDirectory(), {
      MILLRACE_QUEUE: "nats",
      MILLRACE_NATS_URL: "nats://127.0.0.1:9",
      MILLRACE_POSTGRES_URL: "postgres://127.0.0.1:9/d",
      MILLRACE_NATS_REPLICAS: "7"
    })
    await expect(refused).rejects.toThrow(/ended with 1: millrace: .*replicas.*\n$/u)
    const variables = Object.keys(read({})).toSorted()
    const options = [...Object.keys(NatsOptions.fields), "caFile", "certFile", "keyFile", "credentialsFile", "nkeySeed"]
    const elsewhere = new Set(["servers", "credentials"])
    expect(variables).toEqual(options.filter((option) => !elsewhere.has(option)).toSorted())
  })
})
