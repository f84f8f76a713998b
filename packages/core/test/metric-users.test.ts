import fc from "fast-check"
import { type CountingName, countingNames, listingOf } from "@millrace/core"
import { arbitraries, runsOf } from "../../testing/src/index.ts"
import { assert, describe, it } from "vitest"
import { readScalar, writeScalar } from "../src/metric/breakdown/scalar.ts"
import { cellsOf } from "../../testing/src/cellsOf.ts"
import { questionOf } from "../../testing/src/questionOf.ts"

const HISTORIES = runsOf({ short: 40, whole: 100 })

type Params = Readonly<Record<string, string>>

/** Enough of them: a year of empty days shows nothing more. */
const CELLS_MAX = 60

/** A trend of anything but users has no cells of users. */
const aboutUsers = (
  metric: CountingName,
  { property: _property, ...params }: Params & { readonly property?: string }
) => (metric === "trend" ? { ...params, measure: "users" } : params)

/** How many cells with anybody in them were looked at. */
const check = (metric: CountingName, { events, questions }: arbitraries.Scenario): number => {
  let cellsWithUsers = 0
  for (const { as_of, params: asked } of questions) {
    const context = { project_id: "any", as_of }
    const params = aboutUsers(metric, asked)
    const rows = questionOf(metric, params, context).reference(events)
    const { limit: _limit, ...rest } = params as Params & { readonly limit?: string }
    const cells = cellsOf(metric, rows).map(({ cell, users }) => ({ users, cell: { ...rest, ...cell } }))
    const some = [...cells.filter(({ users }) => users > 0), ...cells.filter(({ users }) => users === 0).slice(0, 5)]
    for (const { cell, users } of some.slice(0, CELLS_MAX)) {
      cellsWithUsers += Math.min(users, 1)
      const listed = questionOf(listingOf(metric)!.name, { ...cell, limit: 1000 }, context).reference(events)
      assert.strictEqual(listed.length, users, JSON.stringify(cell))
      assert.strictEqual(new Set(listed.map((row) => ("user_id" in row ? row.user_id : undefined))).size, users)
    }
  }
  return cellsWithUsers
}

describe("users of a cell", () => {
  for (const metric of countingNames) {
    it(`${metric}: as many are listed as the cell says`, { timeout: 60_000 + HISTORIES * 200 }, () => {
      let cellsWithUsers = 0
      fc.assert(
        fc.property(arbitraries.scenario(metric), (scenario) => void (cellsWithUsers += check(metric, scenario))),
        { numRuns: HISTORIES }
      )
      assert.isAbove(cellsWithUsers, HISTORIES)
    })
  }

  it("pages, each after the last user of the one before, hold everybody once", () => {
    const listing = arbitraries.scenario("dau/users")
    fc.assert(
      fc.property(listing, fc.integer({ min: 1, max: 3 }), ({ events, questions }, limit) => {
        for (const { as_of, params } of questions) {
          const { after: _after, ...cell } = params as Params & { readonly after?: string }
          const page = (more: object) =>
            questionOf("dau/users", { ...cell, ...more }, { project_id: "any", as_of }).reference(events)
          const all: Array<string> = []
          for (let part = page({ limit }); part.length > 0; part = page({ limit, after: all.at(-1) })) {
            assert.isAtMost(part.length, limit)
            all.push(...part.map(({ user_id }) => user_id))
          }
          assert.deepStrictEqual(
            all,
            page({ limit: 1000 }).map(({ user_id }) => user_id)
          )
        }
      })
    )
  })

  it("a value of a breakdown is read as it was written, and a text is not taken for a number", () => {
    const value = fc.oneof(fc.string(), fc.boolean(), fc.double({ noNaN: true, noDefaultInfinity: true }))
    fc.assert(fc.property(value, (some) => assert.strictEqual(readScalar(writeScalar(some)), some === 0 ? 0 : some)))
    assert.deepStrictEqual(["pro", "1", '"1"', "true", "null", "[]", "1e999", ""].map(readScalar), [
      "pro",
      1,
      "1",
      true,
      "null",
      "[]",
      "1e999",
      ""
    ])
  })
})
