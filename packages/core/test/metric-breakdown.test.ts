import fc from "fast-check"
import { decodeParams, type Event, countingNames } from "@millrace/core"
import { arbitraries, runsOf } from "../../testing/src/index.ts"
import { Result } from "effect"
import { assert, describe, it } from "vitest"
import { breakdownOf, type BreakdownValue, NONE, OTHER } from "../src/metric/breakdown/index.ts"
import type { Field } from "../src/metric/filter/index.ts"
import { questionOf } from "../../testing/src/questionOf.ts"

const { scenario } = arbitraries

type Params = Readonly<Record<string, string>>
type Row = Readonly<Record<string, unknown>>

const FIELD: Field = "properties.plan"

const without = (row: Row) => Object.fromEntries(Object.entries(row).filter(([name]) => name !== "breakdown"))

/** The rows of each value, and the events that carry it. */
const partsOf = (rows: ReadonlyArray<Row>, events: ReadonlyArray<Event>) => {
  const values = [...new Set(rows.map((row) => row["breakdown"] as BreakdownValue))]
  return values.map((value) => ({
    value,
    rows: rows.filter((row) => row["breakdown"] === value).map(without),
    events: events.filter((event) => {
      const own = breakdownOf(event, FIELD)
      return own === value || (value === OTHER && own !== NONE && !values.includes(own))
    })
  }))
}

/** Those that follow a user from one event on go by that event, not by all. */
const PARTED = countingNames.filter((name) => name !== "retention" && name !== "funnel")

describe("breakdown", () => {
  for (const metric of PARTED) {
    it(`${metric}: a value's rows are the metric of the events that have it`, () => {
      fc.assert(
        fc.property(scenario(metric), ({ events, questions }) => {
          for (const { as_of, params } of questions) {
            const { breakdown_of: _of, ...rest } = params as Params & { readonly breakdown_of?: string }
            // Merges would be others without the events that make them; they are tested elsewhere.
            const plain = events.filter(({ event_type }) => event_type !== "$identify")
            const context = { project_id: "any", as_of }
            const whole = questionOf(metric, { ...rest, breakdown: FIELD }, context)
            for (const part of partsOf(whole.reference(plain) as ReadonlyArray<object> as ReadonlyArray<Row>, plain)) {
              // A value whose events lead nowhere is told apart, but has no rows to be known by.
              if (metric === "paths" && part.value === OTHER) continue
              const { breakdown: _field, ...alone } = rest as Params & { readonly breakdown?: string }
              assert.deepStrictEqual<unknown>(part.rows, questionOf(metric, alone, context).reference(part.events))
            }
          }
        }),
        { numRuns: runsOf({ short: 50, whole: 200 }) }
      )
    })
  }

  it("by users: every user is in one value, so distinct users of the values add up", () => {
    fc.assert(
      fc.property(scenario("dau"), ({ events, questions }) => {
        for (const { as_of, params } of questions) {
          const context = { project_id: "any", as_of }
          const { breakdown: _field, ...alone } = params as Params & { readonly breakdown?: string }
          const total = questionOf("dau", alone, context).reference(events)
          const parted = questionOf("dau", { ...alone, breakdown: FIELD, breakdown_of: "user" }, context)
          const sums = Map.groupBy(parted.reference(events), ({ date }) => date)
          for (const { date, users } of total) {
            const of = (sums.get(date) ?? []).reduce((sum, row) => sum + row.users, 0)
            assert.strictEqual(of, users)
          }
        }
      })
    )
  })

  it("more rows than an answer may hold are refused, by the reference and by the shape", () => {
    const params = { from: "2020-01-01", to: "2025-12-31", interval: "hour", breakdown: FIELD }
    assert.isTrue(Result.isSuccess(decodeParams("trend", params)))
    const question = questionOf("trend", params, { project_id: "any", as_of: 0 })
    const at = { event_type: "visit", project_id: "any", user_id: "u", received_at: 0, skew_micros: 0 }
    const events = ["pro", "free"].map((plan, index) => ({
      ...at,
      event_id: `0190a6c2-7b1e-7000-8000-00000000000${index}`,
      occurred_at: Date.UTC(2022, 0, 1) * 1000,
      properties: JSON.stringify({ plan })
    }))
    assert.throws(() => question.reference(events), /more than 100000/u)
    const raw = [1, 2].map((place) => ({ place, bucket: 0, value: 1, numbers: 0, kind: 3, label: "a", amount: 0 }))
    assert.throws(() => question.shape(raw), /more than 100000/u)
  })
})
