import { assert } from "@effect/vitest"
import { Effect } from "effect"
import fc from "fast-check"
import { EventBatch, IDENTIFY, type RowOf, Warehouse } from "@millrace/core"
import { type Question, type Scenario, scenario } from "./arbitraries/index.ts"
import { eventOf } from "./events.ts"
import type { WarehouseLaw } from "./largeHistoryLaws.ts"
import { questionOf } from "./questionOf.ts"
import { runsOf } from "./runs.ts"

const HISTORIES = runsOf({ short: 10, whole: 25 })
const SEED = Number(process.env["MILLRACE_SEED"] ?? 20_260_105)
const PER_PAGE = 5
const LAW_TIMEOUT_MILLIS = 180_000 + HISTORIES * 1_000

type Row = RowOf<"funnel">

/** Events of few users and types, so close that one thing leads to the next; merging events carry properties too. */
const dense: fc.Arbitrary<Scenario> = fc.record({
  events: fc
    .array(
      fc
        .record({
          user: fc.constantFrom("u1", "u2"),
          type: fc.constantFrom("visit", "purchase", IDENTIFY),
          minute: fc.nat(12),
          plan: fc.constantFrom("pro", "free", undefined)
        })
        .map(({ minute, plan, type, user }) => [user, type, minute, plan] as const),
      { minLength: 4, maxLength: 16, size: "max" }
    )
    .map((rows) =>
      rows.map(([user_id, event_type, minute, plan], index) =>
        eventOf(index, {
          user_id,
          event_type,
          occurred_at: DAY_1 + minute * 60_000_000,
          properties: JSON.stringify({ plan })
        })
      )
    ),
  questions: fc.array(
    fc
      .record({
        steps: fc
          .array(fc.constantFrom("visit", "purchase"), { minLength: 2, maxLength: 3 })
          .map((steps) => steps.join()),
        order: fc.constantFrom("ordered", "strict", "strict", "any"),
        breakdown: fc.constantFrom({}, { breakdown: "properties.plan" })
      })
      .map(({ breakdown, order, steps }) => ({
        metric: "funnel" as const,
        as_of: DAY_1,
        params: { from: "2026-01-01", to: "2026-01-01", order, ...breakdown, steps: JSON.stringify(steps.split(",")) }
      })),
    { minLength: 2, maxLength: 2 }
  )
})

const DAY_1 = Date.UTC(2026, 0, 1) * 1000

interface Pair {
  readonly isAny: boolean
  readonly prefix: Question
  readonly whole: Question
}

/**
 * The funnel without its last step and with it, and with one more that is no ordinary event; by values of users, not of
 * events.
 */
const pairsOf = ({ as_of, metric, params }: Question): ReadonlyArray<Pair> => {
  const steps = JSON.parse(params["steps"]!) as ReadonlyArray<unknown>
  const withSteps = (taken: ReadonlyArray<unknown>): Question => ({
    as_of,
    metric,
    params: { ...params, breakdown_of: "user", steps: JSON.stringify(taken) }
  })
  const isAny = params["order"] === "any"
  const named = { isAny, prefix: withSteps(steps), whole: withSteps([...steps, IDENTIFY]) }
  return steps.length < 3 ? [named] : [named, { isAny, prefix: withSteps(steps.slice(0, -1)), whole: withSteps(steps) }]
}

const users = (rows: ReadonlyArray<Row>): ReadonlyMap<string, number> =>
  new Map(rows.map(({ breakdown, step, users: count }) => [JSON.stringify([breakdown ?? null, step]), count]))

/**
 * The law that a funnel says of each step how many got there, whatever comes after it. In any order a further step is a
 * further way to get somewhere: there it takes nobody away. (Of whose event the value is, and of the seconds, the best
 * attempt decides.)
 */
export const funnelLaws = (law: WarehouseLaw): void =>
  law(
    "funnel: a step at the end changes no count of the steps before it",
    Effect.gen(function* () {
      const run = Effect.runPromiseWith(yield* Effect.context<Warehouse>())
      let pages = 0
      const check = async (scenarios: ReadonlyArray<Scenario>) => {
        const page = ++pages
        const placed = scenarios.map((each, index) => ({ ...each, project_id: `${page}.${index}` }))
        await run(loadAll(placed, String(page)))
        for (const { project_id, questions } of placed) {
          for (const pair of questions.flatMap(pairsOf)) await run(prefixHolds(project_id, pair))
        }
      }
      const property = fc.asyncProperty(
        fc.array(fc.oneof(scenario("funnel"), dense), { minLength: PER_PAGE, maxLength: PER_PAGE, size: "max" }),
        check
      )
      yield* Effect.promise(() => fc.assert(property, { numRuns: Math.ceil(HISTORIES / PER_PAGE), seed: SEED }))
    }),
    LAW_TIMEOUT_MILLIS
  )

const loadAll = (placed: ReadonlyArray<Scenario & { readonly project_id: string }>, cursor: string) =>
  Warehouse.use((warehouse) => {
    const events = placed.flatMap(({ events: own, project_id }) => own.map((event) => ({ ...event, project_id })))
    return warehouse.load({ batches: EventBatch.group(events), cursor, duplicates: {} })
  })

const prefixHolds = Effect.fnUntraced(function* (project_id: string, { isAny, prefix, whole }: Pair) {
  const warehouse = yield* Warehouse
  const counts = ({ as_of, params }: Question) =>
    Effect.map(warehouse.answer(questionOf("funnel", params, { project_id, as_of })), users)
  const [before, after] = [yield* counts(prefix), yield* counts(whole)]
  for (const [cell, count] of before) {
    const now = after.get(cell) ?? 0
    assert.isTrue(isAny ? now >= count : now === count, `${cell}: ${count}, then ${now}: ${JSON.stringify(whole)}`)
  }
})
