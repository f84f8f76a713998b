import { EventBatch, type MetricName, query, type RawParams, Warehouse } from "@millrace/core"
import { eventOf } from "@millrace/testing"
import { Effect, type Layer } from "effect"
import { assert, describe, it } from "vitest"
import { DuckDb } from "../src/index.ts"

const EVENTS = 20_000
const VALUES = 1_000
const CONDITIONS = 100
const RANGE = { from: "2026-01-01", to: "2026-01-02" }

/** A document of a few hundred bytes, as events have them; what each condition keeps of it adds up. */
const page = () => {
  const events = Array.from({ length: EVENTS }, (_, index) =>
    eventOf(index, {
      properties: JSON.stringify({
        path: `/p/${index % 2_000}`,
        amount: index % 2_000,
        filler: "x".repeat(200),
        ...Object.fromEntries(Array.from({ length: 10 }, (_unused, name) => [`k${name}`, `v${(index + name) % 100}`]))
      })
    })
  )
  return { batches: EventBatch.group(events), cursor: "1", duplicates: {} }
}

const list = <A>(length: number, of: (index: number) => A) => Array.from({ length }, (_, index) => of(index))
const on = (name: string, op: string, value: unknown) => ({ field: `properties.${name}`, op, value })
const contains = (property: (index: number) => string) =>
  list(CONDITIONS, (index) => on(property(index), "contains", `v${index}`))

const FILTERS: Readonly<Record<string, object>> = {
  "in, texts": on(
    "path",
    "in",
    list(VALUES, (index) => `/p/${index}`)
  ),
  "in, numbers": on(
    "amount",
    "in",
    list(VALUES, (index) => index)
  ),
  "in, of all types": on("amount", "in", [
    ...list(VALUES - 1, (index) => (index % 2 === 0 ? index : `/p/${index}`)),
    true
  ]),
  "contains, one property": { or: contains(() => "k1") },
  "contains, a property each": { or: contains((index) => `k${index}`) },
  nested: {
    and: list(4, (a) => ({
      or: list(5, (b) => ({ and: list(5, (c) => on(`k${(a + b + c) % 10}`, "!=", `v${a}${c}`)) }))
    }))
  }
}

const QUESTIONS: ReadonlyArray<readonly [MetricName, RawParams]> = [
  ["active-users", { ...RANGE, rolling: true }],
  ["top-events", RANGE],
  ["retention", { start_date: RANGE.from, interval: "day", minimum_occurrences: 2 }],
  ["trend", { ...RANGE, measure: "sum", property: "amount", breakdown: "properties.k1" }],
  ["lifecycle", { ...RANGE, breakdown: "properties.k1", breakdown_of: "user" }],
  ["stickiness", RANGE],
  ["paths", { ...RANGE, property: "path" }],
  ["funnel", { ...RANGE, steps: ["visit", "purchase"], breakdown: "properties.k1" }],
  ["trend/users", { ...RANGE, date: RANGE.from, measure: "users" }]
]

/** Half of what it is by default: a filter that reads a value anew for each condition needs a multiple. */
const MEMORY_MEGABYTES = 512

/** The metrics that answer with nothing. */
const answered = (layer: Layer.Layer<Warehouse, unknown>, asked: ReadonlyArray<readonly [MetricName, RawParams]>) =>
  Effect.gen(function* () {
    const warehouse = yield* Warehouse
    yield* warehouse.load(page())
    const empty: Array<string> = []
    for (const [metric, params] of asked) {
      const { rows } = yield* query({ metric, project_id: "default", params })
      if (rows.length === 0) empty.push(metric)
    }
    return empty
  }).pipe(Effect.provide(layer), Effect.runPromise)

describe("filters as long as they may be", () => {
  const layer = () =>
    DuckDb.layer({ path: ":memory:", threads: 2, memoryLimitMegabytes: MEMORY_MEGABYTES, hotProperties: 0 })
  for (const [title, where] of Object.entries(FILTERS)) {
    it(`${title}: every metric answers in half of the memory`, async () => {
      assert.deepStrictEqual(
        await answered(
          layer(),
          QUESTIONS.map(([metric, params]) => [metric, { ...params, where }])
        ),
        []
      )
    }, 120_000)
  }

  it("each of twenty steps with a filter of its own: the funnel answers", async () => {
    const steps = list(20, (step) => ({
      or: list(40, (index) => on(`k${(step + index) % 10}`, "contains", `v${step}${index}`))
    }))
    assert.deepStrictEqual(await answered(layer(), [["funnel", { ...RANGE, steps }]]), [])
  }, 120_000)
})
