import { existsSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { parse } from "yaml"
import { type Compose, interpolate, read, readCompose, readEnv, ROOT, type Service } from "./support/compose.ts"

const env = readEnv(read(".env.example"))
const text = read("docker-compose.yml")
const compose: Compose = readCompose(text, env)
const services = Object.entries(compose.services)
const ours = services.filter(([, { build }]) => build !== undefined)
const of = (profile: "standard" | "direct") =>
  services.filter(([, { profiles }]) => profiles.includes(profile)).map(([name]) => name)

describe("docker-compose.yml", () => {
  it("is what compose takes, with the settings of .env.example, and asks for each secret", () => {
    expect(of("standard").toSorted()).toEqual(["api", "grafana", "nats", "owner", "postgres", "prometheus", "worker"])
    expect(of("direct").toSorted()).toEqual(["direct-api", "direct-owner", "grafana", "postgres", "prometheus"])
    for (const secret of ["MILLRACE_KEYS", "POSTGRES_PASSWORD", "NATS_PASSWORD", "GRAFANA_PASSWORD"]) {
      expect(() => readCompose(text, { ...env, [secret]: "" })).toThrow(new RegExp(`${secret}.*\\.env\\.example`, "u"))
    }
    expect(() => readCompose(text.replace("read_only:", "readonly:"), env)).toThrow(/readonly/u)
  })

  it(".env.example sets what the file reads, and nothing else", () => {
    const asked = [...text.matchAll(/\$\{(\w+)/gu)].map(([, name]) => name!)
    expect(Object.keys(env).toSorted()).toEqual([...new Set(asked)].toSorted())
    // Every default of the file is the example's.
    for (const [, name, value] of text.matchAll(/\$\{(\w+):-([^}]*)\}/gu)) expect(env[name!]).toBe(value)
  })

  it("the broker asks for the password that the processes send", () => {
    expect(read("deploy/nats.conf")).toMatch(/authorization \{\s+user: millrace\s+password: \$NATS_PASSWORD\s+\}/u)
    expect(compose.services["nats"]?.environment).toEqual({ NATS_PASSWORD: env["NATS_PASSWORD"] })
    for (const name of ["api", "worker", "owner"]) {
      const url = new URL(compose.services[name]!.environment!["MILLRACE_NATS_URL"]!)
      expect([url.username, url.password, url.host]).toEqual(["millrace", env["NATS_PASSWORD"], "nats:4222"])
    }
  })

  it("an image is pinned to a version of its own, at the least", () => {
    for (const [name, { image }] of services)
      expect(`${name} ${image}`).toMatch(/:(?:local|v?\d+(?:\.\d+)*[\w.-]*)(?:@sha256:[0-9a-f]{64})?$/u)
  })

  it("whom a service waits for or mounts is there, in its profile", () => {
    for (const [name, { depends_on = {}, profiles }] of services) {
      for (const other of Object.keys(depends_on)) {
        const there = compose.services[other]?.profiles
        expect(there, `${name} waits for ${other}`).toEqual(expect.arrayContaining([...profiles]))
      }
    }
    const sources = services.flatMap(([, { volumes = [] }]) => volumes.map((volume) => volume.split(":")[0]!))
    const files = sources.filter((source) => source.startsWith("./"))
    expect(files.filter((file) => !existsSync(`${ROOT}${file}`))).toEqual([])
    const mounted = sources.filter((source) => !files.includes(source))
    expect([...new Set(mounted)].toSorted()).toEqual(Object.keys(compose.volumes).toSorted())
  })

  it("only owners keep files, each its own; one process per profile owns the warehouse", () => {
    const roles = ours.map(([name, service]) => [name, service.environment?.["MILLRACE_ROLES"], service.volumes])
    expect(roles).toEqual([
      ["api", "ingest", undefined],
      ["worker", "worker", undefined],
      ["owner", "etl,stats", ["warehouse:/data", "backups:/backups"]],
      ["direct-api", "ingest", undefined],
      ["direct-owner", "etl,stats", ["direct-warehouse:/data", "backups:/backups"]]
    ])
    // The image's own volume would be a new one, without a name, for each container.
    expect(ours.map(([, { tmpfs }]) => tmpfs)).toEqual(
      ours.map(([, { volumes }]) => (volumes === undefined ? ["/data:ro"] : []))
    )
    const publishing = ours.filter(([, { ports }]) => ports !== undefined).map(([name]) => name)
    expect(publishing).toEqual(["api", "direct-api"])
  })

  it("a data folder is not its volume itself: a restore makes it beside, and renames", () => {
    const image = /MILLRACE_DATA=(\S+)/u.exec(read("Dockerfile"))?.[1]
    const folders = ours.flatMap(([, { environment = {}, volumes }]) =>
      volumes === undefined ? [] : [environment["MILLRACE_DATA"]]
    )
    expect([image, ...folders]).toEqual(["/data/millrace", "/data/millrace", "/data/millrace"])
  })

  it("the API keeps its port: of a range each start takes another", () => {
    const published = ours.flatMap(([, { ports = [] }]) => ports)
    expect(published).toEqual(["127.0.0.1:4000:4000", "127.0.0.1:4000:4000"])
  })

  it("SIGTERM ends a process that has only begun to start", () => {
    expect(ours.map(([, { init }]) => init)).toEqual(ours.map(() => true))
  })

  it("no port is open to the world by default", () => {
    for (const port of services.flatMap(([, service]: readonly [string, Service]) => service.ports ?? [])) {
      expect(port).toMatch(/^127\.0\.0\.1:/u)
    }
  })
})

describe("Dockerfile", () => {
  const dockerfile = read("Dockerfile")

  it("runs unprivileged, as the process itself, with a health check, from the pinned pnpm", () => {
    const last = dockerfile.slice(dockerfile.lastIndexOf("\nFROM "))
    for (const line of [/^USER 1000:1000$/mu, /^HEALTHCHECK /mu, /^ENTRYPOINT \["node", /mu, /^VOLUME \/data$/mu]) {
      expect(last).toMatch(line)
    }
    const { packageManager } = JSON.parse(read("package.json")) as { readonly packageManager: string }
    expect(dockerfile).toContain(packageManager)
  })
})

describe("deploy/", () => {
  it("Prometheus asks every process of every profile", () => {
    const { scrape_configs } = parse(read("deploy/prometheus.yml")) as {
      readonly scrape_configs: ReadonlyArray<{
        readonly dns_sd_configs: ReadonlyArray<{ readonly names: ReadonlyArray<string>; readonly port: number }>
      }>
    }
    const targets = scrape_configs.flatMap(({ dns_sd_configs }) => dns_sd_configs)
    expect(targets.flatMap(({ names }) => names).toSorted()).toEqual(ours.map(([name]) => name).toSorted())
    expect(targets.map(({ port }) => String(port))).toEqual(
      targets.map(() => compose.services["api"]?.environment?.["MILLRACE_PORT"])
    )
  })

  it("Grafana's data source is Prometheus, and its dashboard uses that one", () => {
    const { datasources } = parse(read("deploy/grafana/provisioning/datasources/prometheus.yml")) as {
      readonly datasources: ReadonlyArray<{ readonly uid: string; readonly url: string }>
    }
    expect(datasources).toMatchObject([{ uid: "prometheus", url: "http://prometheus:9090" }])
    const dashboard = JSON.parse(read("deploy/grafana/dashboards/millrace.json")) as {
      readonly panels: ReadonlyArray<{ readonly datasource: { readonly uid: string } }>
    }
    expect(new Set(dashboard.panels.map(({ datasource }) => datasource.uid))).toEqual(new Set(["prometheus"]))
  })
})

describe("interpolation", () => {
  it.each([
    ["${A}", "a"],
    ["${B:-b}", "b"],
    ["x${A:-b}${B}", "xa"],
    ["$$A", "$A"]
  ])("%s", (given, expected) => {
    expect(interpolate({ deep: [given] }, { A: "a" })).toEqual({ deep: [expected] })
  })
})
