import { readFileSync } from "node:fs"
import { expect, it } from "vitest"
import { countingNames } from "../src/index.ts"
import { metricExamples } from "../../testing/src/metricExamples/index.ts"
import { semanticsDocument } from "./semantics/document.ts"

const committed = readFileSync(new URL("../../../docs/semantics.md", import.meta.url), "utf8")

it("docs/semantics.md is what `npm run semantics` writes", () => {
  expect(committed).toBe(semanticsDocument())
})

it("every metric and every published case stands there, a difference with both numbers", () => {
  const wanted = [
    ...countingNames.map((name) => `### ${name}\n`),
    ...metricExamples.flatMap(({ source, title }) => (source === undefined ? [] : [`| ${title} | ${source.product} `])),
    ...metricExamples.flatMap(({ theirs }) => (theirs === undefined ? [] : [` | ${theirs.numbers} | `]))
  ]
  expect(wanted.filter((text) => !committed.includes(text))).toEqual([])
  expect(wanted.length).toBeGreaterThan(50)
})
