import { readFileSync } from "node:fs"
import { Result } from "effect"
import { formatInstant } from "../../src/event/instant.ts"
import { decodeParams, type RawParams } from "../../src/metric/questions.ts"
import { metricExamples } from "../../../testing/src/metricExamples/index.ts"
import type { MetricExample } from "../../../testing/src/metricExamples/example.ts"
import { leastParams } from "../../../testing/src/leastParams.ts"
import { cellParametersOf, type CountingName, countingNames, metrics } from "../../src/metric/registry.ts"
import { DIFFERENCES } from "./differences.ts"
import { fieldsOf, type FieldText } from "./fields.ts"

const TITLE = `# What every number means

One definition, whichever engine answers. Each metric's \`reference\` in \`packages/core/src/metric/metrics/\` is that definition as a program over an array of events; engines are held to it on generated
histories (\`MILLRACE_PROPERTY_HISTORIES\` sets their number), by the examples below and by published cases of other products. [Figures](figures.md) of two public histories are compared with a plain script.

This page is written by \`npm run semantics\` from the metrics and the cases themselves; a test fails where it differs.
`

/** The whole of docs/semantics.md. */
export const semanticsDocument = (): string => {
  const common = readFileSync(new URL("common.md", import.meta.url), "utf8")
  const parts = countingNames.map(metricPart)
  return [TITLE, common, "## Metrics\n", ...parts, publishedPart(), differencesPart()].join("\n")
}

const metricPart = (name: CountingName): string => {
  const { description, details = [] } = metrics[name]
  const { params, rows } = fieldsOf(name)
  const own = metricExamples.filter((example) => example.metric === name && example.source === undefined)
  return [
    `### ${name}`,
    description,
    "",
    ...details.map((detail) => `- ${detail}`),
    "",
    fieldTable("parameter", withDefaults(name, params)),
    fieldTable("column", rows),
    ...cellLine(name),
    ...own.map(exampleText)
  ].join("\n")
}

/** Of every metric: they stand above. */
const COMMON: ReadonlySet<string> = new Set(["tz", "where", "breakdown", "breakdown_of"])

/** What a parameter is when it is not given, as an example shows that gives as little as it can. */
const withDefaults = (name: CountingName, params: ReadonlyArray<FieldText>): ReadonlyArray<FieldText> => {
  const least = leastParams(name, { from: "2026-01-01", to: "2026-01-01" })
  const filled: RawParams = { ...Result.getOrThrow(decodeParams(name, least)) }
  return params
    .filter((param) => !COMMON.has(param.name))
    .map((param) => {
      const initial = param.name in least ? undefined : filled[param.name]
      return initial === undefined
        ? param
        : { ...param, about: `${param.about} Default: \`${String(initial)}\`.`.trim() }
    })
}

const cellLine = (name: CountingName): ReadonlyArray<string> => {
  const own = cellParametersOf(name).map((parameter) => `\`${parameter.name}\``)
  return own.length === 0 ? [] : [`A cell's users are asked for with ${own.join(", ")}.`, ""]
}

const fieldTable = (title: string, fields: ReadonlyArray<FieldText>): string =>
  [
    `| ${title} | values | |`,
    "|---|---|---|",
    ...fields.map(({ about, name, values }) => `| \`${name}\` | ${cell(values)} | ${cell(about)} |`),
    ""
  ].join("\n")

const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll("\n", " ")

const EVENTS_MAX = 14
const ROWS_MAX = 8

const exampleText = ({ events, params, rows, title }: MetricExample): string => {
  const seen = events.slice(0, EVENTS_MAX).map((event) => {
    const properties = event.properties === "{}" ? "" : ` ${event.properties}`
    return `${formatInstant(event.occurred_at)} ${event.user_id} ${event.event_type}${properties}`
  })
  const answered = rows.slice(0, ROWS_MAX).map((row) => JSON.stringify(row))
  return [
    `**${title}**`,
    "```",
    JSON.stringify(params),
    "",
    ...seen,
    ...more(events.length - seen.length, "events"),
    "",
    ...(rows.length === 0 ? ["no rows"] : answered),
    ...more(rows.length - answered.length, "rows"),
    "```",
    ""
  ].join("\n")
}

const more = (count: number, what: string) => (count > 0 ? [`… ${count} more ${what}`] : [])

const sourceOf = ({ source }: MetricExample) =>
  `${source!.product} \`${source!.file.split("/").at(-1)}\` (${source!.commit})`

const publishedPart = (): string =>
  [
    "## Published cases",
    "Events and numbers of other products' own tests, expressed anew in `packages/testing/src/metricExamples/`. Every engine and the reference give these numbers; the parameters say which definition of ours is theirs.",
    "",
    "| case | source | asked as |",
    "|---|---|---|",
    ...metricExamples
      .filter(({ source, theirs }) => source !== undefined && theirs === undefined)
      .map(
        (example) => `| ${cell(example.title)} | ${sourceOf(example)} | \`${cell(JSON.stringify(example.params))}\` |`
      ),
    ""
  ].join("\n")

const numbersOf = ({ rows }: MetricExample) =>
  rows.map((row) => (typeof row === "object" && row !== null && "users" in row ? String(row.users) : "")).join(", ")

const differencesPart = (): string =>
  [
    "## Stated differences",
    "Cases whose published numbers follow another definition, with both numbers (users per step); ours are run against every engine as well.",
    "",
    "| case | source, mode | there | here | why |",
    "|---|---|---|---|---|",
    ...metricExamples.flatMap((example) =>
      example.theirs === undefined
        ? []
        : [
            `| ${cell(example.title)} | ${sourceOf(example)}, \`${example.theirs.mode}\` | ${example.theirs.numbers} | ${numbersOf(example)} | ${example.theirs.why} |`
          ]
    ),
    "",
    "| product | there | here |",
    "|---|---|---|",
    ...DIFFERENCES.map((row) => `| ${row.join(" | ")} |`),
    ""
  ].join("\n")
