import { type Event, type MetricName, UserSet } from "@millrace/core"
import {
  answerFromActivity,
  arbitraries,
  eventOf,
  metricExamples,
  metricsOfActivity,
  runsOf
} from "../../testing/src/index.ts"
import fc from "fast-check"
import { assert, describe, it } from "vitest"
import { questionOf } from "../../testing/src/questionOf.ts"

const HISTORIES = runsOf({ short: 100, whole: 300 })
const START = Date.UTC(2026, 0, 1) * 1000
const firstById = (events: ReadonlyArray<Event>) => {
  const seen = new Set<string>()
  return events.filter(({ event_id }) => !seen.has(event_id) && seen.add(event_id))
}

describe("metrics from sets of users", () => {
  for (const metric of metricsOfActivity) {
    it(`${metric} equals its reference on generated histories`, { timeout: 120_000 + HISTORIES * 100 }, () => {
      let answered = 0
      fc.assert(
        fc.property(arbitraries.scenario(metric), ({ events, questions }) => {
          const unique = firstById(events)
          for (const { as_of, params } of questions) {
            const { breakdown: _, minimum_occurrences: __, where: ___, ...bare } = params
            const question = questionOf(metric, bare, { project_id: "any", as_of })
            const rows = answerFromActivity(question, unique)
            if (rows === undefined) continue
            answered++
            assert.deepStrictEqual(rows, question.reference(unique), JSON.stringify(bare))
          }
        }),
        { numRuns: HISTORIES }
      )
      assert.isAbove(answered, HISTORIES / 2)
    })
  }

  it("retention counts few users who return as it counts many", () => {
    const DAYS = 30
    const visit = fc.record({ user: fc.nat(400), minute: fc.nat(DAYS * 1440 - 1) })
    // From a return of one in hundreds, which is looked up, to one of nearly all, which is found by where sets meet.
    const crowds = fc.array(fc.record({ day: fc.nat(DAYS - 1), users: fc.nat(400) }), { maxLength: 3 })
    fc.assert(
      fc.property(fc.array(visit, { minLength: 200, maxLength: 600 }), crowds, (visits, many) => {
        const crowded = many.flatMap(({ day, users }) =>
          Array.from({ length: users }, (_, user) => ({ user, minute: day * 1440 }))
        )
        const events = [...visits, ...crowded].map(({ minute, user }, number) =>
          eventOf(number, { user_id: `user-${user}`, occurred_at: START + minute * 60_000_000 })
        )
        for (const measure of ["on", "on-or-after"]) {
          const params = { start_date: "2026-01-01", interval: "day", windows: 40, measure }
          const question = questionOf("retention", params, { project_id: "any", as_of: START })
          assert.deepStrictEqual(answerFromActivity(question, events), question.reference(events))
        }
      }),
      { numRuns: 25 }
    )
  })

  it("the worked examples, those that it can answer", () => {
    const answered = metricExamples.filter(({ as_of, events, metric, params, rows, title }) => {
      const answer = answerFromActivity(questionOf(metric, params, { project_id: "default", as_of }), events)
      if (answer !== undefined) assert.deepStrictEqual(answer, rows, title)
      return answer !== undefined
    })
    assert.isAbove(answered.length, 20)
  })

  it("where is left to SQL, as are rolling cells and zones whose days begin within a quarter of an hour", () => {
    const range = { from: "2026-01-01", to: "2026-01-31" }
    const asked = (metric: MetricName, params: Record<string, string>) =>
      answerFromActivity(questionOf(metric, params, { project_id: "any", as_of: 0 }), [])
    assert.isUndefined(asked("dau", { ...range, where: 'properties.plan = "pro"' }))
    assert.isUndefined(asked("retention", { start_date: range.from, bucket: "rolling" }))
    assert.isUndefined(asked("dau", { from: "1971-12-31", to: "1972-01-31", tz: "Africa/Monrovia" }))
    assert.isDefined(asked("dau", { ...range, tz: "Asia/Kathmandu" }))
    assert.isUndefined(asked("top-events", range))
  })
})

const numbers = fc.array(fc.nat(300))

describe("a set of users", () => {
  it("holds what a Set holds, whatever comes and goes", () => {
    const step = fc.record({ user: fc.nat(100), add: fc.boolean() })
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const [users, model] = [new UserSet(), new Set<number>()]
        for (const { add, user } of steps) {
          if (add) {
            users.add(user)
            model.add(user)
          } else {
            users.delete(user)
            model.delete(user)
          }
        }
        const held: Array<number> = []
        users.forEach((user) => held.push(user))
        assert.deepStrictEqual(
          held,
          [...model].toSorted((a, b) => a - b)
        )
        assert.strictEqual(users.size, model.size)
        for (let user = 0; user <= 101; user++) assert.strictEqual(users.has(user), model.has(user))
      })
    )
  })

  it("unions and intersections are those of Sets", () => {
    const setOf = (users: ReadonlyArray<number>) => {
      const set = new UserSet()
      for (const user of users) set.add(user)
      return set
    }
    fc.assert(
      fc.property(numbers, numbers, (left, right) => {
        const [one, other] = [new Set(left), new Set(right)]
        assert.strictEqual(setOf(left).common(setOf(right)), [...one].filter((user) => other.has(user)).length)
        assert.strictEqual(UserSet.union([setOf(left), setOf(right)]).size, new Set([...left, ...right]).size)
      })
    )
  })
})
