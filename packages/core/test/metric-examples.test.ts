import { metricExamples, shownOf } from "../../testing/src/index.ts"
import { assert, describe, it } from "vitest"
import { questionOf } from "../../testing/src/questionOf.ts"

describe("metric references", () => {
  for (const example of metricExamples) {
    const { as_of, events, metric, params, rows, title } = example
    it(`reference: ${title}`, () => {
      const question = questionOf(metric, params, { project_id: "default", as_of })
      assert.deepStrictEqual<unknown>(shownOf(example, question.reference(events)), rows)
    })
  }

  it("every title is one case's alone", () => {
    assert.strictEqual(new Set(metricExamples.map(({ title }) => title)).size, metricExamples.length)
  })
})
