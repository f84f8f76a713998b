import { type MetricName, metricNames } from "@millrace/core"
import { arbitraries } from "../../testing/src/index.ts"
import fc from "fast-check"
import { assert, describe, it } from "vitest"
import { questionOf } from "../../testing/src/questionOf.ts"

/** Always the same: a floor under what comes by chance would now and then be broken by chance. */
const SAMPLE = { seed: 20_261_121, numRuns: 150 }

const isEmpty = (metric: MetricName, events: arbitraries.Scenario["events"], asked: arbitraries.Question) =>
  questionOf(metric, asked.params, { project_id: "any", as_of: asked.as_of }).reference(events).length === 0

describe("generated histories and questions", () => {
  for (const metric of metricNames) {
    it(`${metric}: at least a third of the answers have rows, for nothing is shown by empty ones`, () => {
      const empty = fc
        .sample(arbitraries.scenario(metric), SAMPLE)
        .flatMap(({ events, questions }) => questions.map((asked) => isEmpty(metric, events, asked)))
      assert.isAbove(empty.length, SAMPLE.numRuns)
      assert.isAtMost(empty.filter((is) => is).length / empty.length, 2 / 3)
    })
  }
})
