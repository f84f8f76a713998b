import { assert } from "@effect/vitest"
import { Effect } from "effect"
import fc from "fast-check"
import {
  countingNames,
  type Event,
  EventBatch,
  type MetricName,
  metricNames,
  type RawParams,
  Warehouse,
  type WarehouseError
} from "@millrace/core"
import { type Question, type Scenario, scenario } from "./arbitraries/index.ts"
import type { WarehouseLaw } from "./largeHistoryLaws.ts"
import { answersTo, questionOf } from "./questionOf.ts"
import { runsOf } from "./runs.ts"

/** Laws of each metric, on generated histories, each with up to four questions. */
export const referenceLaws = (engine: string, law: WarehouseLaw): void => {
  for (const metric of metricNames) {
    const title = `answer: ${metric} equals its reference on generated histories`
    law(title, equalsReference(engine, metric), timeoutMillisOf(historiesFor(metric)))
  }
}

/**
 * Histories for a metric; a listing asks the query that its metric asks, all but the count, so by default half as many.
 */
const historiesFor = (metric: MetricName): number =>
  runsOf(isListing(metric) ? { short: 5, whole: 50 } : { short: 15, whole: 100 })
const isListing = (metric: MetricName) => !(countingNames as ReadonlyArray<string>).includes(metric)
const HISTORIES_PER_PAGE = 5
/** Time for shrinking: a failure is shown before the test's own time-out, shrunk as far as this allows. */
const shrinkingMillisOf = (histories: number) => 45_000 + histories * 200
const timeoutMillisOf = (histories: number) => shrinkingMillisOf(histories) + 15_000

const seed = (): number => Number(process.env["MILLRACE_SEED"] ?? Math.floor(Math.random() * 2 ** 31))

/** Answers of the engine, in each of the forms that it has for the question. */
export const answersOf = (
  project_id: string,
  { metric, params, as_of }: { readonly metric: MetricName; readonly params: RawParams; readonly as_of: number }
): Effect.Effect<ReadonlyArray<ReadonlyArray<object>>, WarehouseError, Warehouse> =>
  Effect.suspend(() => answersTo<object>(questionOf(metric, params, { project_id, as_of })))

/**
 * One warehouse for all runs: each scenario becomes a project of its own, so that one page loads several, and whatever
 * leaks between projects shows.
 */
const equalsReference = Effect.fnUntraced(function* (engine: string, metric: MetricName) {
  const warehouse = yield* Warehouse
  const context = yield* Effect.context<Warehouse>()
  const run = Effect.runPromiseWith(context)
  let projects = 0
  const tally = { answers: 0, rows: 0, empty: 0 }
  const check = async (scenarios: ReadonlyArray<Scenario>) => {
    const placed = scenarios.map(({ events, questions }) => ({ project_id: `p${++projects}`, events, questions }))
    // In two pages, so that what one says meets what another said before.
    for (const half of [0, 1]) {
      const all = placed.flatMap(({ project_id, events }) => {
        const middle = events.length >>> 1
        return events.slice(half * middle, half === 0 ? middle : undefined).map((event) => ({ ...event, project_id }))
      })
      await run(warehouse.load({ batches: EventBatch.group(all), cursor: `${projects}.${half}`, duplicates: {} }))
    }
    for (const { project_id, events, questions } of placed) {
      for (const question of questions) {
        const rows = expected(events, question)
        const answers = await run(answersOf(project_id, question))
        for (const actual of answers) assert.deepStrictEqual(actual, rows, JSON.stringify(question))
        tally.answers += answers.length
        tally.rows += rows.length
        tally.empty += rows.length === 0 ? answers.length : 0
      }
    }
  }
  const scenarios = fc.array(scenario(metric), {
    minLength: HISTORIES_PER_PAGE,
    maxLength: HISTORIES_PER_PAGE,
    size: "max"
  })
  const histories = historiesFor(metric)
  const chosen = { seed: seed(), numRuns: Math.ceil(histories / HISTORIES_PER_PAGE) }
  yield* Effect.promise(() =>
    fc.assert(fc.asyncProperty(scenarios, check), {
      ...chosen,
      interruptAfterTimeLimit: shrinkingMillisOf(histories),
      // A run cut short has shown nothing.
      markInterruptAsFailure: true
    })
  )
  const what = `${chosen.numRuns * HISTORIES_PER_PAGE} histories, ${tally.answers} answers (${tally.empty} empty), ${tally.rows} rows asked for`
  if (process.env["MILLRACE_PROPERTY_HISTORIES"] !== undefined)
    console.info(`${engine}, ${metric}: ${what}, MILLRACE_SEED=${chosen.seed}`)
})

const expected = (events: ReadonlyArray<Event>, { metric, params, as_of }: Question) =>
  questionOf(metric, params, { project_id: "any", as_of }).reference(firstById(events))

const firstById = (events: ReadonlyArray<Event>): ReadonlyArray<Event> => {
  const first = new Map<string, Event>()
  for (const event of events) if (!first.has(event.event_id)) first.set(event.event_id, event)
  return [...first.values()]
}
