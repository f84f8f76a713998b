import { mkdirSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { run } from "@millrace/test-services"
import { describe, expect, it } from "vitest"
import { isAsked, projectFolder, writeFiles } from "./support/project.ts"
import { LOWEST, nodeOf } from "./support/setup.ts"

const ROOT = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))))

/** The ten lines that README shows under "In your backend", without the framework's last one. */
const readmeLines = () => {
  const readme = readFileSync(join(ROOT, "README.md"), "utf8")
  const block = /## In your backend\n\n```ts\n([\s\S]*?)```/u.exec(readme)?.[1]
  if (block === undefined) throw new Error("README shows no example under 'In your backend'")
  return block
    .split("\n")
    .filter((line) => !/\bapp\./u.test(line))
    .join("\n")
}

/** Every metric and listing, plain and broken down, on both warehouses: what is used but not there fails. */
const SWEEP = `
const { createMillrace } = await load("@millrace/server")
const { metricNames } = await load("@millrace/core")
const now = Date.now()
const events = Array.from({ length: 60 }, (_, index) => ({
  event_id: "0190a6c2-7b1e-7000-8000-" + String(index).padStart(12, "0"),
  occurred_at: new Date(now - index * 7_200_000), user_id: "u" + (index % 7),
  event_type: index % 3 === 0 ? "visit" : "buy", properties: { plan: index % 2 ? "a" : "b", amount: index }
}))
events.push({ event_id: crypto.randomUUID(), occurred_at: new Date(now), user_id: "u1", event_type: "$identify",
  properties: { anonymous_id: "u2" } })
const day = (ago) => new Date(now - ago * 86_400_000).toISOString().slice(0, 10)
const range = { from: day(6), to: day(0) }
const own = { retention: { start_date: day(6), interval: "day" }, funnel: { ...range, steps: ["visit", "buy"] },
  trend: { ...range, measure: "events" } }
const cell = { "dau/users": { date: day(0) }, "active-users/users": { date: day(0) }, "top-events/users": { event_type: "buy" },
  "retention/users": { cohort: day(5), cell: 0 }, "trend/users": { date: day(0) }, "lifecycle/users": { date: day(0), state: "new" },
  "stickiness/users": { intervals: 1 }, "funnel/users": { step: 1 }, "paths/users": { source: "visit", target: "buy" } }
const refused = []
let asked = 0
for (const options of [{}, { directory: process.argv[2] }]) {
  const millrace = await createMillrace(options)
  await millrace.ingest(events)
  await millrace.flush()
  for (const metric of metricNames) {
    const base = metric.split("/")[0]
    const params = { ...(own[base] ?? range), ...cell[metric] }
    const questions = [params, { ...params, where: 'properties.amount >= 0', tz: "Pacific/Auckland" }]
    if (!metric.endsWith("/users")) questions.push({ ...params, breakdown: "properties.plan" })
    for (const question of questions) {
      asked++
      try {
        const { rows } = await millrace.query(metric, question)
        if (!Array.isArray(rows)) refused.push(metric + ": no rows")
      } catch (error) {
        refused.push(metric + " " + JSON.stringify(question) + ": " + error.code + ": " + error.message)
      }
    }
  }
  await millrace.close()
}
console.log(JSON.stringify({ asked, refused }))
`

describe.skipIf(!isAsked)("installed packages", () => {
  const nodes = { [LOWEST.packages]: nodeOf(projectFolder, LOWEST.packages), [process.versions.node]: process.execPath }

  for (const [version, node] of Object.entries(nodes)) {
    it(`Node ${version}: README's lines answer a question in a blank folder`, async () => {
      const home = writeFiles(join(projectFolder, `readme-${version}`), {
        "main.mjs": `${readmeLines()}\nconsole.log(JSON.stringify(rows.at(0)))\nawait millrace.close()\n`
      })
      const printed = await run(node, ["main.mjs"], { cwd: home })
      expect(JSON.parse(printed)).toHaveProperty("cohort")
    })

    for (const [kind, load] of [
      ["import", "(name) => import(name)"],
      ["require", "createRequire(import.meta.url)"]
    ] as const) {
      it(`Node ${version}, ${kind}: every metric and listing answers, plain and broken down`, async () => {
        const home = join(projectFolder, `sweep-${version}-${kind}`)
        mkdirSync(home)
        const head = `import { createRequire } from "node:module"\nconst load = ${load}\n`
        writeFiles(home, { "main.mjs": `${head}${SWEEP}` })
        const { asked, refused } = JSON.parse(await run(node, ["main.mjs", join(home, "data")], { cwd: home })) as {
          readonly asked: number
          readonly refused: ReadonlyArray<string>
        }
        expect(refused).toEqual([])
        expect(asked).toBeGreaterThanOrEqual(90)
      })
    }

    it(`Node ${version}: the command line imports, asks and says its version, without a warning`, async () => {
      const home = writeFiles(join(projectFolder, `cli-${version}`), {
        "events.csv": "user_id,event_type,occurred_at\nann,visit,2026-01-05T10:00:00Z\nbob,visit,2026-01-06T10:00:00Z\n"
      })
      const entry = join(projectFolder, "node_modules", "millrace", "dist", "main.js")
      await run(node, [entry, "import", "events.csv", "--data", "data"], { cwd: home })
      const range = ["--from", "2026-01-05", "--to", "2026-01-06"]
      const printed = await run(node, [entry, "stats", "dau", ...range, "--json", "--data", "data"], { cwd: home })
      expect(JSON.parse(printed)).toMatchObject({ rows: [{ users: 1 }, { users: 1 }] })
    })
  }

  for (const version of [LOWEST.client, LOWEST.packages, process.versions.node]) {
    it(`Node ${version}: the client is there by import and by require`, async () => {
      const home = writeFiles(join(projectFolder, `client-${version}`), {
        "main.mjs": `import { createClient } from "@millrace/client"\nconsole.log(typeof createClient)\n`,
        "main.cjs": `const { createClient } = require("@millrace/client")\nconsole.log(typeof createClient)\n`
      })
      const node = version === process.versions.node ? process.execPath : nodeOf(projectFolder, version)
      for (const file of ["main.mjs", "main.cjs"]) {
        expect((await run(node, ["--no-warnings", file], { cwd: home })).trim()).toBe("function")
      }
    })
  }
})

describe.skipIf(!isAsked)("manifests", () => {
  const installed = ["core", "server", "client", "embedded", "duckdb", "postgres", "nats", "redis"].map(
    (name) => `@millrace/${name}`
  )
  for (const name of [...installed, "millrace"]) {
    it(`${name}: every file that it exports is packed, and no condition leads to sources`, () => {
      const text = readFileSync(join(projectFolder, "node_modules", name, "package.json"), "utf8")
      const manifest = JSON.parse(text) as Manifest
      expect(text).not.toContain('"source"')
      for (const file of filesOf(manifest.exports)) {
        expect(readFileSync(join(projectFolder, "node_modules", name, file)).length).toBeGreaterThan(0)
      }
    })
  }

  for (const name of [...installed, "millrace"]) {
    it(`${name}: its declarations name only what an install of it brings`, () => {
      const home = join(projectFolder, "node_modules", name)
      const manifest = JSON.parse(readFileSync(join(home, "package.json"), "utf8")) as Manifest
      const optional = Object.keys(manifest.peerDependenciesMeta ?? {})
      const brought = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })
      const entries = Object.entries(manifest.exports)
      const named = entries.flatMap(([, target]) => packagesNamed(home, typesOf(target)))
      const missing = named.filter((other) => optional.includes(other) || !brought.includes(other))
      expect([...new Set(missing)]).toEqual([])
    })
  }

  it("there is one copy of effect, the app's", async () => {
    const tree = await run("npm", ["ls", "effect", "--all", "--parseable"], { cwd: projectFolder })
    expect(new Set(tree.trim().split("\n")).size).toBe(1)
  })
})

interface Manifest {
  readonly exports: Readonly<Record<string, unknown>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly peerDependenciesMeta?: Readonly<Record<string, unknown>>
}

const typesOf = (target: unknown) => filesOf(target).filter((file) => /\.d\.[cm]?ts$/u.test(file))

/** The packages that declarations import, the files that they lead to included; Node's own need no install. */
const packagesNamed = (home: string, entries: ReadonlyArray<string>): ReadonlyArray<string> => {
  const named = new Set<string>()
  const seen = new Set<string>()
  const visit = (file: string) => {
    if (seen.has(file)) return
    seen.add(file)
    for (const [, specifier = ""] of readFileSync(file, "utf8").matchAll(
      /(?:from|import)\s*\(?\s*"([@\w.][\w@./-]*)"/gu
    )) {
      if (specifier.startsWith(".")) visit(join(dirname(file), specifier.replace(/\.(c|m)?[jt]s$/u, ".d.$1ts")))
      else if (!specifier.startsWith("node:")) named.add(/^(@[^/]+\/)?[^/]+/u.exec(specifier)![0])
    }
  }
  for (const entry of entries) visit(join(home, entry))
  return [...named]
}

const filesOf = (target: unknown): ReadonlyArray<string> =>
  typeof target === "string" ? [target] : Object.values(target as object).flatMap(filesOf)
