import {
  answerSchema,
  decodeParams,
  metricNames,
  query,
  type MetricName,
  type RawParams,
  Warehouse
} from "@millrace/core"
import { batchOf, eventOf, layerMemoryWarehouse } from "../../testing/src/index.ts"
import { Effect, Result, Schema } from "effect"
import { EventBatch } from "../src/event/EventBatch.ts"
import { compareCodePoints } from "../src/metric/rows.ts"
import { questionOf } from "../../testing/src/questionOf.ts"
import fc from "fast-check"
import { assert, describe, it } from "vitest"

const refusal = (metric: MetricName, params: RawParams) => {
  const result = decodeParams(metric, params)
  return Result.isFailure(result) ? [result.failure.field, result.failure.code] : "accepted"
}

const RANGE = { from: "2026-01-01", to: "2026-01-31" }
const TABLE = { start_date: "2026-01-01" }

describe("parameters", () => {
  const refused: ReadonlyArray<readonly [MetricName, RawParams, field: string, code: string]> = [
    ["dau", { from: "2026-01-01" }, "to", "missing_parameter"],
    ["dau", { ...RANGE, form: "x" }, "form", "unknown_parameter"],
    ["dau", { ...RANGE, interval: "day" }, "interval", "unknown_parameter"],
    ["dau", { ...RANGE, to: ["2026-01-01", "2026-01-02"] }, "to", "repeated_parameter"],
    ["dau", { from: "2026-02-01", to: "2026-01-31" }, "from", "invalid_parameter"],
    ["dau", { from: "2026-02-29", to: "2026-03-01" }, "from", "invalid_parameter"],
    ["dau", { from: "1969-12-31", to: "2026-03-01" }, "from", "invalid_parameter"],
    ["dau", { from: "2016-01-01", to: "2026-01-08" }, "from", "invalid_parameter"],
    ["dau", { ...RANGE, rolling: "yes" }, "rolling", "invalid_parameter"],
    ["active-users", { ...RANGE, tz: "Mars/Phobos" }, "tz", "invalid_parameter"],
    ["active-users", { ...RANGE, tz: "+02:00" }, "tz", "invalid_parameter"],
    ["active-users", { ...RANGE, interval: "year" }, "interval", "invalid_parameter"],
    ["active-users", { ...RANGE, week_start: "friday" }, "week_start", "invalid_parameter"],
    ["active-users", { ...RANGE, interval: "week", rolling: "true" }, "rolling", "invalid_parameter"],
    ...["0", "1001", "-1", "1.5", "1e2", " 5", ""].map(
      (limit) => ["top-events", { ...RANGE, limit }, "limit", "invalid_parameter"] as const
    ),
    ["dau", { ...RANGE, where: "plan = 1" }, "where", "invalid_parameter"],
    ["dau", { ...RANGE, where: ["event_type exists", "event_type exists"] }, "where", "repeated_parameter"],
    ["trend", { ...RANGE, measure: "median" }, "measure", "invalid_parameter"],
    ["trend", { ...RANGE, measure: "sum" }, "property", "invalid_parameter"],
    ["trend", { ...RANGE, property: "amount" }, "property", "invalid_parameter"],
    ["trend", { ...RANGE, breakdown: "plan" }, "breakdown", "invalid_parameter"],
    ["trend", { from: "2026-02-01", to: "2026-01-01" }, "from", "invalid_parameter"],
    ["lifecycle", { ...RANGE, interval: "hour" }, "interval", "invalid_parameter"],
    ["stickiness", { ...RANGE, interval: "hour" }, "interval", "invalid_parameter"],
    ["funnel", RANGE, "steps", "missing_parameter"],
    ["funnel", { ...RANGE, steps: "visit" }, "steps", "invalid_parameter"],
    ["funnel", { ...RANGE, steps: "visit, buy" }, "steps", "invalid_parameter"],
    ["funnel", { ...RANGE, steps: "visit,buy " }, "steps", "invalid_parameter"],
    ["trend", { ...RANGE, event_type: " visit" }, "event_type", "invalid_parameter"],
    ["retention", { start_date: "2026-01-01", start_event: "visit\n" }, "start_event", "invalid_parameter"],
    ["retention/users", { ...TABLE, cohort: "2025-12-01", cell: 1 }, "cohort", "invalid_parameter"],
    [
      "retention/users",
      { ...TABLE, end_date: "2026-01-31", cohort: "2026-02-20", cell: 1 },
      "cohort",
      "invalid_parameter"
    ],
    ["retention/users", { ...TABLE, cohort: "2040-01-01", cell: 1 }, "cohort", "invalid_parameter"],
    ["retention/users", { ...TABLE, windows: 3, cohort: "2026-01-08", cell: 3 }, "cell", "invalid_parameter"],
    ["stickiness/users", { ...RANGE, intervals: 32 }, "intervals", "invalid_parameter"],
    ["funnel", { ...RANGE, steps: "visit,,buy" }, "steps", "invalid_parameter"],
    ["funnel", { ...RANGE, steps: "[1,2]" }, "steps", "invalid_parameter"],
    ["funnel", { ...RANGE, steps: "a,".repeat(20) + "a" }, "steps", "invalid_parameter"],
    ...["7", "0d", "-1d", "1w", "367d", "99999999h", "1.5d", ""].map(
      (window) => ["funnel", { ...RANGE, steps: "a,b", window }, "window", "invalid_parameter"] as const
    ),
    ["funnel", { ...RANGE, steps: "a,b", order: "loose" }, "order", "invalid_parameter"],
    ["paths", { ...RANGE, limit: "0" }, "limit", "invalid_parameter"],
    // A text is meant, so nothing is taken for one.
    ["lifecycle", { ...RANGE, event_type: true }, "event_type", "invalid_parameter"],
    ["retention", { start_date: "2026-01-02", return_event: 7.5 }, "return_event", "invalid_parameter"],
    ["paths", { ...RANGE, property: {} }, "property", "invalid_parameter"],
    ["dau", { from: null, to: "2026-01-31" }, "from", "missing_parameter"],
    ["dau/users", RANGE, "date", "missing_parameter"],
    ["dau/users", { ...RANGE, date: "2026-02-01" }, "date", "invalid_parameter"],
    ["dau/users", { ...RANGE, date: "2026-01-01", column: "wau" }, "column", "invalid_parameter"],
    ["dau/users", { ...RANGE, date: "2026-01-01", limit: 1001 }, "limit", "invalid_parameter"],
    ["dau/users", { ...RANGE, date: "2026-01-01", after: "" }, "after", "invalid_parameter"],
    ["dau/users", { ...RANGE, date: "2026-01-01", breakdown: "event_type" }, "breakdown_value", "invalid_parameter"],
    ["dau/users", { ...RANGE, date: "2026-01-01", breakdown_value: "pro" }, "breakdown_value", "invalid_parameter"],
    ["active-users/users", { ...RANGE, interval: "week", date: "2026-01-01" }, "date", "invalid_parameter"],
    ["lifecycle/users", { ...RANGE, date: "2026-01-01", state: "gone" }, "state", "invalid_parameter"],
    ["stickiness/users", { ...RANGE, intervals: 0 }, "intervals", "invalid_parameter"],
    ["retention/users", { start_date: "2026-01-01", cohort: "2026-01-01", cell: 8 }, "cell", "invalid_parameter"],
    ["funnel/users", { ...RANGE, steps: "a,b", step: 3 }, "step", "invalid_parameter"],
    ["funnel/users", { ...RANGE, steps: "a,b", step: 1, outcome: "dropped" }, "step", "invalid_parameter"],
    ["retention", { start_date: "2026-01-01", minimum_occurrences: 0 }, "minimum_occurrences", "invalid_parameter"],
    ["retention", {}, "start_date", "missing_parameter"],
    ["retention", { start_date: "2026-01-01", windows: "367" }, "windows", "invalid_parameter"],
    ["retention", { start_date: "2026-01-01", interval: "hour" }, "interval", "invalid_parameter"],
    ["retention", { start_date: "2026-01-02", end_date: "2026-01-01" }, "start_date", "invalid_parameter"],
    ["retention", { start_date: "2026-01-02", start_event: "" }, "start_event", "invalid_parameter"],
    ["retention", { start_date: "2026-01-02", start_event: "x".repeat(101) }, "start_event", "invalid_parameter"]
  ]
  for (const [metric, params, field, code] of refused) {
    it(`${metric} ${JSON.stringify(params).slice(0, 90)}: ${code} on ${field}`, () =>
      assert.deepStrictEqual(refusal(metric, params), [field, code]))
  }

  it("null is as good as absent, and numbers and flags may come as such", () => {
    const given = { ...RANGE, tz: null, interval: null, rolling: true, where: null }
    assert.deepStrictEqual(
      decodeParams("active-users", given),
      decodeParams("active-users", { ...RANGE, rolling: "true" })
    )
    assert.strictEqual(refusal("top-events", { ...RANGE, limit: 5 }), "accepted")
  })

  it("a range of 3,660 days is the longest", () => {
    assert.strictEqual(refusal("dau", { from: "2016-01-01", to: "2026-01-07" }), "accepted")
  })
})

const EXAMPLES: Partial<Readonly<Record<MetricName, RawParams>>> = {
  retention: { start_date: "2026-01-01" },
  funnel: { ...RANGE, steps: ["visit", { field: "event_type", op: "=", value: "purchase" }], breakdown: "event_type" },
  trend: { ...RANGE, measure: "p50", property: "number", breakdown: "properties.number" },
  "dau/users": { ...RANGE, date: "2026-01-01" },
  "active-users/users": { ...RANGE, date: "2026-01-01" },
  "top-events/users": { ...RANGE, event_type: "visit" },
  "retention/users": { start_date: "2026-01-01", cohort: "2026-01-01", cell: 0 },
  "trend/users": { ...RANGE, date: "2026-01-01", breakdown: "properties.number", breakdown_value: 1 },
  "lifecycle/users": { ...RANGE, date: "2026-01-01" },
  "stickiness/users": { ...RANGE, intervals: 1 },
  "funnel/users": { ...RANGE, steps: "visit,purchase", step: 1 },
  "paths/users": { ...RANGE, source: "visit", target: "visit" }
}

const run = <A, E>(body: Effect.Effect<A, E, Warehouse>) =>
  Effect.runPromise(Effect.provide(body, layerMemoryWarehouse))

describe("query", () => {
  it("an answer echoes the parameters with defaults and fits its schema", () =>
    run(
      Effect.gen(function* () {
        yield* (yield* Warehouse).load(
          { batches: [batchOf(1, 30)], cursor: "1", duplicates: {} },
          1_767_225_600_000_001
        )
        for (const metric of metricNames) {
          const params = EXAMPLES[metric] ?? RANGE
          const answer = yield* query({ metric, project_id: "default", params })
          assert.strictEqual(answer.as_of, "2026-01-01T00:00:00.000001Z")
          assert.include(answer.params, { tz: "UTC" })
          assert.isNotEmpty(answer.rows)
          const decoded = yield* Schema.decodeUnknownEffect(answerSchema(metric))(JSON.parse(JSON.stringify(answer)))
          assert.deepStrictEqual<unknown>(decoded, answer)
        }
      })
    ))

  it("more cells than an answer may hold are refused, with or without end_date", () =>
    run(
      Effect.gen(function* () {
        const batch = EventBatch.fromEvents([eventOf(1, { occurred_at: Date.UTC(2026, 0, 1) * 1000 })])
        yield* (yield* Warehouse).load({ batches: [batch], cursor: "1", duplicates: {} }, 1)
        const ask = { interval: "day", windows: "366", start_date: "2024-01-01" }
        for (const params of [ask, { ...ask, end_date: "2025-12-31" }]) {
          const failure = yield* Effect.flip(query({ metric: "retention", project_id: "default", params }))
          assert.deepInclude(failure, { _tag: "BadParameter", field: "windows" })
        }
      })
    ))
})

describe("compareCodePoints", () => {
  it("orders as UTF-8 bytes do", () => {
    const text = fc.string({
      unit: fc.constantFrom("a", "é", "\uFF5E", "\uFFFD", "😀", "\u{10FFFF}", "\uD7FF", "\uE000")
    })
    const bytes = (value: string) => new TextEncoder().encode(value)
    fc.assert(
      fc.property(text, text, (left, right) => {
        assert.strictEqual(Math.sign(compareCodePoints(left, right)), Buffer.compare(bytes(left), bytes(right)))
      })
    )
  })
})

describe("slips", () => {
  const reasonOf = (metric: MetricName, params: RawParams) => {
    const result = decodeParams(metric, params)
    return Result.isFailure(result) ? result.failure.message : "accepted"
  }
  const spelled: ReadonlyArray<readonly [MetricName, RawParams, meant: string]> = [
    ["funnel", { ...RANGE, steps: "visit, buy" }, "write visit,buy;"],
    ["trend", { ...RANGE, event_type: "visit " }, "write visit;"],
    ["trend", { ...RANGE, breakdown: "country" }, "write properties.country"],
    ["trend", { ...RANGE, breakdown: "property.country" }, "write properties.country"],
    ["trend", { ...RANGE, breakdown: "Event_Type" }, "write event_type"],
    ["trend", { ...RANGE, breakdown: "user_id" }, "user_id is neither"],
    ["dau", { ...RANGE, where: "amount > 3" }, "write properties.amount"],
    ["trend", { ...RANGE, event_type: "visit,buy" }, 'where: event_type in ("visit", "buy")'],
    ["retention", { ...TABLE, return_event: "visit, buy" }, 'in quotes: "visit, buy"'],
    ["trend", { ...RANGE, event_type: "properties.plan" }, 'in quotes: "properties.plan"'],
    ["trend", { ...RANGE, event_type: 'event_type = "visit"' }, "in quotes:"],
    ["trend", { ...RANGE, measure: "sum", property: " amount" }, "write properties.amount;"],
    ["trend", { ...RANGE, measure: "sum", property: "properties.amount " }, "write properties.amount;"],
    ["trend", { ...RANGE, measure: "sum", property: "event_type" }, "write properties.event_type"],
    ["trend", { ...RANGE, measure: "sum", property: "user_id" }, "write properties.user_id"],
    ["trend", { ...RANGE, measure: "sum", property: "Properties.amount" }, "write properties.amount"],
    ["trend", { ...RANGE, breakdown: "properties. plan" }, "write properties.plan;"],
    ["trend", { ...RANGE, breakdown: "properties.plan " }, "write properties.plan;"],
    ["dau", { ...RANGE, where: "properties.plan = 'pro'" }, 'write "pro"'],
    ["dau", { ...RANGE, where: "properties.plan = “pro”" }, 'write "pro"'],
    ["dau", { ...RANGE, where: "properties.plan = pro" }, 'write "pro"'],
    ["dau", { ...RANGE, where: 'properties.plan == "pro"' }, "write ="],
    ["dau", { ...RANGE, where: 'properties.plan <> "pro"' }, "write !="],
    ["dau", { ...RANGE, where: 'properties.plan = "pro" AND properties.amount > 1' }, "write and"],
    ["dau", { ...RANGE, where: 'properties.plan = "pro" && properties.amount > 1' }, "write and"],
    ["dau", { ...RANGE, where: 'properties.plan = "pro" || properties.amount > 1' }, "write or"],
    ["dau", { ...RANGE, where: 'properties.plan IN ("pro")' }, "write in"],
    ["dau", { ...RANGE, where: 'properties.plan in ["pro"]' }, "write ("]
  ]
  for (const [metric, params, meant] of spelled) {
    it(`${metric} ${JSON.stringify(params)} is refused with what was meant: ${meant}`, () =>
      assert.include(reasonOf(metric, params), meant))
  }

  it("a property may be named as a field is, and one that is really named so as that field", () => {
    const named = (property: string) => {
      const { property: understood } = Result.getOrThrow(decodeParams("trend", { ...RANGE, measure: "sum", property }))
      return understood
    }
    assert.deepStrictEqual(["amount", "properties.amount", "properties.properties.amount", ""].map(named), [
      "amount",
      "amount",
      "properties.amount",
      ""
    ])
  })

  it("what stands in quotes is the type, or the property's name, letter by letter", () => {
    for (const name of [" visit", "visit,buy", "properties.plan", '"visit"', "event_type", ""]) {
      const quoted = JSON.stringify(name)
      const asked = Result.getOrThrow(
        decodeParams("trend", { ...RANGE, measure: "sum", property: quoted, breakdown: `properties.${quoted}` })
      )
      assert.deepStrictEqual([asked.property, asked.breakdown], [name, `properties.${name}`])
      if (name === "") continue
      const { event_type } = Result.getOrThrow(decodeParams("trend", { ...RANGE, event_type: quoted }))
      assert.strictEqual(event_type, name)
    }
  })

  it("whatever a type or a property is called, it can be asked for", () =>
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 60, unit: "grapheme" }), (name) => {
        fc.pre([...name].length <= 100)
        const asked = (written: string) =>
          decodeParams("trend", { ...RANGE, measure: "sum", event_type: written, property: written })
        const { event_type, property } = Result.getOrThrow(asked(JSON.stringify(name)))
        assert.deepStrictEqual([event_type, property], [name, name])
        // As it is written it is that name too, or refused: never another one.
        const plain = asked(name)
        const isName = Result.isFailure(plain) || plain.success.event_type === name
        assert.isTrue(isName || (name.startsWith('"') && name.endsWith('"')), name)
      })
    ))

  it("types that have blanks are asked for in a list, and in a row of the answer", () => {
    assert.strictEqual(reasonOf("funnel", { ...RANGE, steps: [" visit", "buy "] }), "accepted")
    assert.strictEqual(reasonOf("top-events/users", { ...RANGE, event_type: " visit" }), "accepted")
  })

  it("a value that $other holds has its own users", () => {
    const plans = Array.from({ length: 40 }, (_, index) => `plan-${index}`)
    const events = plans.map((plan, index) =>
      eventOf(index, { user_id: `user-${index}`, properties: JSON.stringify({ plan }) })
    )
    const asked = (breakdown_value: string) =>
      questionOf(
        "top-events/users",
        { ...RANGE, event_type: "visit", breakdown: "properties.plan", breakdown_value },
        { project_id: "default", as_of: 0 }
      ).reference(events)
    for (const index of [1, 26, 38]) assert.deepStrictEqual(asked(`plan-${index}`), [{ user_id: `user-${index}` }])
  })

  it("retention without an end is refused where its table would be longer than a range may be", () => {
    const events = [eventOf(1, { occurred_at: Date.UTC(2026, 0, 5) * 1000 })]
    const table = (params: RawParams) => () =>
      questionOf("retention", { interval: "month", ...params }, { project_id: "default", as_of: 0 }).reference(events)
    assert.throws(table({ start_date: "2015-01-01" }), /start_date must be at most 3660 days before/u)
    assert.lengthOf(table({ start_date: "2017-01-01" })(), 109)
    assert.lengthOf(table({ start_date: "2015-01-01", end_date: "2015-02-01" })(), 2)
  })
})
