import { assert } from "@effect/vitest"
import { Effect } from "effect"
import {
  countingNames,
  type Event,
  EventBatch,
  type MetricName,
  type RawParams,
  Warehouse,
  type WarehouseServices
} from "@millrace/core"
import { eventsOf } from "./events.ts"
import { leastParams } from "./leastParams.ts"
import { answersTo, questionOf } from "./questionOf.ts"

export type WarehouseLaw = (
  title: string,
  body: Effect.Effect<void, unknown, WarehouseServices>,
  timeoutMillis?: number
) => void

const EVENTS = 20_000
const USERS = 3_000
const DAYS = 20
const TYPES = ["visit", "visit", "visit", "cart", "purchase"]
const LAW_TIMEOUT_MILLIS = 180_000

/** Numbers that are the same in every run. */
const numbers = () => {
  let state = 7
  return (bound: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * bound)
  }
}

const history = (): ReadonlyArray<Event> => {
  const below = numbers()
  const start = Date.UTC(2026, 0, 1) * 1000
  return eventsOf(1, EVENTS).map((event) => ({
    ...event,
    user_id: `user-${below(USERS)}`,
    event_type: TYPES[below(TYPES.length)]!,
    occurred_at: start + below(DAYS * 86_400) * 1_000_000,
    properties: JSON.stringify({ plan: `plan-${below(40)}`, amount: below(100) })
  }))
}

const RANGE = { from: "2026-01-01", to: "2026-01-20" }
const QUESTIONS: ReadonlyArray<readonly [MetricName, RawParams]> = [
  ...countingNames.map((metric) => [metric, leastParams(metric, RANGE)] as const),
  ["active-users", { ...RANGE, rolling: true, breakdown: "properties.plan" }],
  ["lifecycle", { ...RANGE, breakdown: "properties.plan", breakdown_of: "user" }],
  ["paths", { ...RANGE, breakdown: "properties.plan" }],
  ["retention", { start_date: RANGE.from, interval: "day", breakdown: "properties.plan", minimum_occurrences: 2 }],
  ["trend", { ...RANGE, measure: "sum", property: "amount", breakdown: "properties.plan" }],
  // Steps that some skip, that nobody takes, and that may be one another.
  ["funnel", { ...RANGE, steps: "visit,nothing,purchase" }],
  ["funnel", { ...RANGE, steps: "visit,cart,purchase", order: "strict" }],
  ["funnel", { ...RANGE, steps: "cart,cart,purchase" }],
  ["funnel", { ...RANGE, steps: "visit,nothing,purchase", order: "any" }]
]

/**
 * Questions where events may be several steps, where many share an instant, and where a user's own events are looked
 * through.
 */
const ABOUT_A_CRAWLER: ReadonlyArray<readonly [MetricName, RawParams]> = [
  ["funnel", { ...RANGE, steps: Array<string>(10).fill("view") }],
  ["funnel", { ...RANGE, steps: Array<string>(10).fill("view"), order: "strict", breakdown: "properties.path" }],
  ["funnel", { ...RANGE, steps: Array<string>(10).fill("view"), order: "any" }],
  ["funnel", { ...RANGE, steps: ["/p/1", "/p/2", "/p/3"].map((path) => onPath("=", path)) }],
  ["funnel", { ...RANGE, steps: ["1", "/p/1", "2"].map((part) => onPath("contains", part)), window: "30s" }],
  ["funnel/users", { ...RANGE, steps: ["1", "/p/1", "2"].map((part) => onPath("contains", part)), step: 2 }],
  ["retention", { start_date: RANGE.from, interval: "day", mode: "recurring", minimum_occurrences: 2 }],
  ["lifecycle", RANGE],
  ["stickiness", { ...RANGE, breakdown: "properties.path" }],
  ["paths", { ...RANGE, property: "path" }],
  ["trend", { ...RANGE, measure: "p99", property: "amount", breakdown: "properties.path" }]
]

function onPath(op: string, value: string) {
  return { field: "properties.path", op, value }
}

const CRAWLED = 40_000
const AT_ONE_INSTANT = 2_000

/** Events of one user, several a second and many at one instant, among as few of others. */
const crawl = (): ReadonlyArray<Event> => {
  const below = numbers()
  const start = Date.UTC(2026, 0, 1) * 1000
  const seconds = (index: number) => (index < AT_ONE_INSTANT ? 0 : (index * DAYS * 86_400) / CRAWLED)
  return eventsOf(1, CRAWLED + 1_000).map((event, index) => ({
    ...event,
    user_id: index % 41 === 0 ? `user-${below(100)}` : "crawler",
    event_type: below(50) === 0 ? "click" : "view",
    occurred_at: start + Math.floor(seconds(index) / 120) * 1_000_000,
    properties: JSON.stringify({ path: `/p/${below(20)}`, amount: below(100) })
  }))
}

/**
 * Laws over as many events as generated histories do not have: an engine joins and groups by other means when there is
 * more.
 */
export const largeHistoryLaws = (law: WarehouseLaw): void => {
  for (const [metric, params] of QUESTIONS) {
    law(
      `answer: ${metric} equals its reference on ${EVENTS} events: ${JSON.stringify(params)}`,
      Effect.suspend(() => equalsReferences(history(), [[metric, params]])),
      LAW_TIMEOUT_MILLIS
    )
  }
  // What costs the square of a user's events never answers here: an engine stops it.
  law(
    `answer: every question about one user's ${CRAWLED} events is answered as its reference`,
    Effect.suspend(() => equalsReferences(crawl(), ABOUT_A_CRAWLER)),
    LAW_TIMEOUT_MILLIS
  )
}

const equalsReferences = Effect.fnUntraced(function* (
  events: ReadonlyArray<Event>,
  questions: ReadonlyArray<readonly [MetricName, RawParams]>
) {
  const warehouse = yield* Warehouse
  yield* warehouse.load({ batches: EventBatch.group(events), cursor: "1", duplicates: {} })
  for (const [metric, params] of questions) {
    const question = questionOf(metric, params, { project_id: "default", as_of: Date.UTC(2026, 5, 1) * 1000 })
    const expected = question.reference(events)
    for (const answer of yield* answersTo(question)) assert.deepStrictEqual(answer, expected, JSON.stringify(params))
  }
})
