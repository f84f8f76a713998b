import { randomUUID } from "node:crypto"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { parse } from "yaml"
import { read } from "./support/compose.ts"
import { type Running, startService } from "./support/processes.ts"

interface Rule {
  readonly alert?: string
  readonly record?: string
  readonly expr: string
}

const rules = (parse(read("deploy/alerts.yml")) as { groups: Array<{ rules: Array<Rule> }> }).groups.flatMap(
  (group) => group.rules
)
const dashboard = read("deploy/grafana/dashboards/millrace.json")
const panels = [...dashboard.matchAll(/"expr": ("(?:[^"\\]|\\.)*")/gu)].map(([, text]) => JSON.parse(text!) as string)

/** Words of PromQL that are no metrics: what is in braces or brackets is left out before. */
const WORDS = new Set(
  (
    "sum rate max min by abs and or time histogram_quantile increase predict_linear max_over_time unless count without on le job instance " +
    "code outcome version route method reason stage loop"
  ).split(" ")
)

const metricsOf = (expression: string): ReadonlyArray<string> =>
  [...expression.replaceAll(/\{[^}]*\}|\[[^\]]*\]|"[^"]*"|offset \w+/gu, "").matchAll(/[a-zA-Z_][\w:]*/gu)]
    .map(([word]) => word)
    .filter((word) => !WORDS.has(word) && !/^e\d+$/u.test(word))

const labelsOf = (braces: string): ReadonlyArray<string> => [...braces.matchAll(/(\w+)(?==)/gu)].map(([label]) => label)

/** Of the scrape, not of the process. */
const SCRAPED = new Set(["job", "instance"])

/** Every `metric{label…}` of an expression, and every label it is summed by. */
const labelsAsked = (expression: string): ReadonlyArray<readonly [metric: string, label: string]> => {
  const selected = [...expression.matchAll(/([a-zA-Z_]\w*)\{([^}]*)\}/gu)]
  const grouped = [...expression.matchAll(/by \(([^)]*)\) \((?:rate|increase)\(([a-zA-Z_]\w*)/gu)]
  return [
    ...selected.flatMap(([, metric, braces]) => labelsOf(braces!).map((label) => [metric!, label] as const)),
    ...grouped.flatMap(([, labels, metric]) => labels!.split(/,\s*/u).map((label) => [metric!, label] as const))
  ].filter(([, label]) => !SCRAPED.has(label))
}

let server: Running
/** Of each metric, the labels that its series have. */
let exported: ReadonlyMap<string, ReadonlySet<string>>
beforeAll(async () => {
  server = await startService({}, { MILLRACE_PORT: "0", MILLRACE_DATA: "there" })
  const event = { event_id: randomUUID(), occurred_at: "2026-01-31T12:00:00Z", user_id: "ada", event_type: "visit" }
  await fetch(`${server.url}/events`, { method: "POST", body: JSON.stringify([event]) })
  while (((await (await fetch(`${server.url}/ledger`)).json()) as { in_flight: number }).in_flight > 0);
  const text = await (await fetch(`${server.url}/metrics`)).text()
  const series = [...text.matchAll(/^([a-zA-Z_]\w*)(?:\{([^}]*)\})? /gmu)]
  const byName = Map.groupBy(series, ([, name]) => name!)
  exported = new Map(
    [...byName].map(([name, found]) => [name, new Set(found.flatMap(([, , braces = ""]) => labelsOf(braces)))])
  )
})
afterAll(() => server.kill())

const recorded = new Set(rules.map(({ record }) => record))

describe("what Prometheus and Grafana ask for is exported", () => {
  it("there is something to check", () => {
    expect(rules.length).toBeGreaterThan(10)
    expect(panels.length).toBeGreaterThan(10)
    expect(exported.size).toBeGreaterThan(10)
  })

  it.each([...rules.map(({ expr }) => expr), ...panels])("%s", (expression) => {
    const asked = metricsOf(expression).filter((name) => name !== "up" && !recorded.has(name))
    expect(asked.filter((name) => !exported.has(name))).toEqual([])
    expect(metricsOf(expression).length).toBeGreaterThan(0)
    expect(labelsAsked(expression).filter(([name, label]) => exported.get(name)?.has(label) === false)).toEqual([])
  })

  it("docs/operations.md lists every metric, and no other", () => {
    const table = read("docs/operations.md").split("## Metrics")[1]!.split("##")[0]!
    const documented = [...table.matchAll(/`((?:millrace|http|nodejs|process)_[a-z_\d]+)/gu)].map(([, name]) => name!)
    const families = [...exported.keys()].map((name) => name.replace(/_(?:bucket|sum|count)$/u, ""))
    expect([...new Set(families)].toSorted()).toEqual([...new Set(documented)].toSorted())
  })
})

describe("alerts", () => {
  const alerts = rules.flatMap(({ alert }) => (alert === undefined ? [] : [alert]))

  it("each has one runbook, and no runbook is without an alert", () => {
    const sections = [...read("docs/runbooks.md").matchAll(/^## (\w+)$/gmu)].map(([, name]) => name!)
    expect(sections.toSorted()).toEqual(alerts.toSorted())
    expect(new Set(alerts).size).toBe(alerts.length)
  })

  it("Prometheus loads them", () => {
    expect((parse(read("deploy/prometheus.yml")) as { rule_files: unknown }).rule_files).toEqual(["alerts.yml"])
    expect(read("docker-compose.yml")).toContain("./deploy/alerts.yml:/etc/prometheus/alerts.yml:ro")
  })
})
