import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promtool, run } from "@millrace/test-services"
import { describeWithProgram } from "@millrace/test-services/vitest"
import { afterAll, expect, it } from "vitest"
import { parse } from "yaml"
import { type AlertCase, alertCases } from "./support/alertCases.ts"
import { read, ROOT } from "./support/compose.ts"

const FILE = "deploy/alerts.yml"

const namesIn = (text: string) =>
  (parse(text) as { groups: Array<{ rules: Array<{ alert?: string }> }> }).groups.flatMap(({ rules }) =>
    rules.flatMap(({ alert }) => (alert === undefined ? [] : [alert]))
  )

const runbookOf = (alertname: string) => `docs/runbooks.md#${alertname.toLowerCase()}`

it("every alert names its runbook, and it is there", () => {
  const { groups } = parse(read(FILE)) as {
    groups: Array<{ rules: Array<{ alert?: string; annotations?: Record<string, string> }> }>
  }
  for (const { alert, annotations } of groups.flatMap(({ rules }) => rules)) {
    if (alert === undefined) continue
    const [file, anchor] = (annotations?.["runbook_url"] ?? "").split("#")
    expect([alert, annotations?.["runbook_url"]]).toEqual([alert, runbookOf(alert)])
    const headings = [...read(file!).matchAll(/^## (.+)$/gmu)].map(([, title]) => title!.toLowerCase())
    expect([alert, headings.filter((title) => title === anchor)]).toEqual([alert, [anchor]])
  }
})

/** What promtool is asked: JSON is YAML. */
const questionOf = (alertname: string, { atMinute, fires, series }: AlertCase) => {
  const expected =
    fires === undefined
      ? []
      : [{ exp_labels: fires.labels, exp_annotations: { summary: fires.summary, runbook_url: runbookOf(alertname) } }]
  return {
    rule_files: [join(ROOT, FILE)],
    evaluation_interval: "1m",
    tests: [
      {
        interval: "1m",
        input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
        alert_rule_test: [{ eval_time: `${atMinute}m`, alertname, exp_alerts: expected }]
      }
    ]
  }
}

it("every alert has a case in which it fires, and one in which it stays silent", () => {
  const cases = Object.entries(alertCases)
  expect(cases.map(([name]) => name).toSorted()).toEqual(namesIn(read(FILE)).toSorted())
  for (const [name, of] of cases) {
    expect([name, of.some(({ fires }) => fires !== undefined)]).toEqual([name, true])
    expect([name, of.some(({ fires }) => fires === undefined)]).toEqual([name, true])
  }
})

const cases = Object.entries(alertCases).flatMap(([name, of]) =>
  of.map((each) => [name, each.fires ? "fires" : "stays silent", each.when, each] as const)
)

describeWithProgram("alerts, as Prometheus judges them", { program: "promtool", found: await promtool() }, (binary) => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-alerts-"))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it.each(cases)("%s %s: %s", async (name, _does, _when, each) => {
    const file = join(folder, "question.json")
    writeFileSync(file, JSON.stringify(questionOf(name, each)))
    expect(await run(binary, ["test", "rules", file])).toContain("SUCCESS")
  })
})
