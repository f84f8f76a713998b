import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { answerSchema, questionSchema } from "../metric/questions.ts"
import { type MetricName, metricNames, metrics } from "../metric/registry.ts"
import { forReaders } from "./access.ts"
import { describe } from "./describe.ts"
import { queryExample } from "./examples.ts"
import { problemOf } from "./Problem.ts"

const detailsOf = (name: MetricName) => {
  const { details } = metrics[name]
  return details === undefined ? {} : { description: details.map((detail) => `- ${detail}`).join("\n") }
}

/** One endpoint per metric, and per listing of a cell's users, from the registry's own schemas. */
const stats = <const Name extends MetricName>(name: Name) =>
  HttpApiEndpoint.get(name, `/stats/${name}`, {
    // Query strings are decoded by `query`, which names the refused field; the schema is here for its documentation.
    query: metrics[name].params,
    success: answerSchema(name),
    error: [problemOf(404), problemOf(422), problemOf(500), problemOf(501), problemOf(503)]
  })
    .pipe(forReaders)
    .annotateMerge(
      describe({
        summary: metrics[name].description,
        ...detailsOf(name),
        answers: { 503: { headers: { "retry-after": "Seconds." } } }
      })
    )

const query = HttpApiEndpoint.post("statsQuery", "/stats/query", {
  payload: Schema.Union(metricNames.map(questionSchema)),
  success: Schema.Union(metricNames.map(answerSchema)),
  error: [
    problemOf(400),
    problemOf(404),
    problemOf(408),
    problemOf(413),
    problemOf(415),
    problemOf(422),
    problemOf(500),
    problemOf(501),
    problemOf(503)
  ]
})
  .pipe(forReaders)
  .annotateMerge(
    describe({
      summary: "Ask for any metric with a JSON body",
      description: "The same parameters as in the query string, with values of their own types.",
      example: queryExample,
      answers: { 503: { headers: { "retry-after": "Seconds." } } }
    })
  )

type StatsEndpoint = { readonly [Name in MetricName]: ReturnType<typeof stats<Name>> }[MetricName]

const [first, ...rest] = metricNames.map((name): StatsEndpoint => stats(name) as StatsEndpoint)

export const statsGroup = HttpApiGroup.make("stats").add(first!, ...rest, query)
