import { ask, decodeParams, metrics, type MetricName, type RawParams } from "@millrace/core"
import { metricExamples } from "@millrace/core/testing"
import { Result } from "effect"
import { assert, describe, it } from "vitest"

const askOf = <Name extends MetricName>(name: Name, params: RawParams, as_of: number) =>
  ask(metrics[name], Result.getOrThrow(decodeParams(name, params)), { project_id: "default", as_of })

describe("metric references", () => {
  for (const { title, metric, params, events, as_of, rows } of metricExamples) {
    it(`reference: ${title}`, () => assert.deepStrictEqual(askOf(metric, params, as_of).reference(events), rows))
  }
})
