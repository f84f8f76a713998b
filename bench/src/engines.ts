import { deepStrictEqual } from "node:assert"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Event, EventBatch, type MetricName, query, type RawParams, Warehouse } from "@millrace/core"
import { DuckDb } from "@millrace/duckdb"
import { Postgres } from "@millrace/postgres"
import { postgres } from "@millrace/test-services"
import { Context, Effect, Layer } from "effect"
import { timed } from "./queries.ts"
import { median, printTable, round } from "./table.ts"

const DAYS = 91
const START = Date.UTC(2026, 0, 5)
const PER_PAGE = 20_000
const RUNS = 3

const date = (day: number) => new Date(START + day * 86_400_000).toISOString().slice(0, 10)
const RANGE = { from: date(0), to: date(DAYS - 1) }
const STEPS = "type-0,type-1,type-2"
const FREE = { field: "properties.plan", op: "=", value: "plan-1" }

const QUESTIONS: ReadonlyArray<readonly [name: string, metric: MetricName, params: RawParams]> = [
  ["dau", "dau", RANGE],
  ["active users, weeks, rolling", "active-users", { ...RANGE, rolling: true }],
  ["top events", "top-events", RANGE],
  ["retention, 12 weeks", "retention", { start_date: date(0), windows: 12 }],
  ["retention, by plan", "retention", { start_date: date(0), windows: 12, breakdown: "properties.plan" }],
  ["trend", "trend", RANGE],
  ["trend, sum by path", "trend", { ...RANGE, measure: "sum", property: "amount", breakdown: "properties.path" }],
  ["trend, p95, filtered", "trend", { ...RANGE, measure: "p95", property: "amount", where: JSON.stringify(FREE) }],
  ["lifecycle", "lifecycle", RANGE],
  ["stickiness", "stickiness", RANGE],
  ["paths", "paths", RANGE],
  ["funnel, 3 steps", "funnel", { ...RANGE, steps: STEPS }],
  ["funnel, strict", "funnel", { ...RANGE, steps: STEPS, order: "strict" }],
  ["funnel, any order", "funnel", { ...RANGE, steps: STEPS, order: "any" }],
  ["funnel, a step twice", "funnel", { ...RANGE, steps: "type-0,type-0,type-1" }],
  ["funnel, by path", "funnel", { ...RANGE, steps: STEPS, breakdown: "properties.path" }],
  ["dau/users", "dau/users", { ...RANGE, date: date(40), limit: 100 }]
]

/** Numbers that are the same in every run. */
const numbers = () => {
  let state = 42
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** In arrival order; few users are active often, few event types are common (both by a power law). */
const eventsOf = (from: number, count: number, all: number, random: () => number): ReadonlyArray<Event> =>
  Array.from({ length: count }, (_, index) => {
    const moment = START * 1000 + Math.floor(((from + index) / all) * DAYS * 86_400_000_000 * 0.999)
    return {
      project_id: "default",
      event_id: `00000000-0000-4000-8000-${(from + index).toString(16).padStart(12, "0")}`,
      occurred_at: moment,
      user_id: `user-${Math.floor((all / 20) * random() ** 2.5)}`,
      event_type: `type-${Math.floor(20 * random() ** 2)}`,
      properties: JSON.stringify({
        path: `/p/${Math.floor(random() * 500)}`,
        amount: Math.floor(random() * 10_000) / 100,
        plan: `plan-${Math.floor(random() * 4)}`
      }),
      received_at: moment,
      skew_micros: 0
    }
  })

const load = Effect.fnUntraced(function* (engines: ReadonlyArray<Engine>, all: number) {
  const random = numbers()
  const millis = engines.map(() => 0)
  for (let from = 0; from < all; from += PER_PAGE) {
    const batches = EventBatch.group(eventsOf(from, Math.min(PER_PAGE, all - from), all, random))
    const page = { batches, cursor: String(from + PER_PAGE), duplicates: {} }
    for (const [index, { warehouse }] of engines.entries()) {
      millis[index]! += yield* timed(warehouse.load(page, from))
    }
  }
  return millis.map((each) => Math.round(all / (each / 1000)))
})

interface Engine {
  readonly name: string
  readonly warehouse: Warehouse["Service"]
}

/** Runs alternate; the answers have to be the same. */
const compare = Effect.fnUntraced(function* (
  engines: ReadonlyArray<Engine>,
  [name, metric, params]: (typeof QUESTIONS)[number]
) {
  const millis = engines.map((): Array<number> => [])
  const answers: Array<unknown> = []
  for (let run = 0; run <= RUNS; run++) {
    for (const [index, { warehouse }] of engines.entries()) {
      const asking = Effect.provideService(query({ metric, project_id: "default", params }), Warehouse, warehouse)
      const took = yield* timed(Effect.tap(asking, ({ rows }) => Effect.sync(() => (answers[index] = rows))))
      if (run > 0) millis[index]!.push(took)
    }
    deepStrictEqual(answers[1], answers[0], name)
  }
  const [first, second] = millis.map(median)
  return {
    question: name,
    [`${engines[0]!.name} ms`]: Math.round(first!),
    [`${engines[1]!.name} ms`]: Math.round(second!),
    ratio: round(second! / first!, 1)
  }
})

/** Each metric on DuckDB and on PostgreSQL, over the same rows, loaded by the ports' own `load`; every answer is compared. */
export const benchEngines = async (events: number): Promise<void> => {
  const directory = mkdtempSync(join(tmpdir(), "millrace-bench-"))
  const database = await postgres({ settings: { shared_buffers: "512MB", max_wal_size: "4GB" } }).start()
  try {
    const url = await database.createDatabase()
    const scanning = { activityMegabytes: 0, keptAnswers: 0, hotProperties: 0 }
    const measured = Effect.gen(function* () {
      const open = <E>(layer: Layer.Layer<Warehouse, E>) => Effect.map(Layer.build(layer), Context.get(Warehouse))
      const engines: ReadonlyArray<Engine> = [
        {
          name: "DuckDB",
          warehouse: yield* open(DuckDb.layer({ path: join(directory, "warehouse.duckdb"), ...scanning }))
        },
        { name: "PostgreSQL", warehouse: yield* open(Postgres.warehouse({ url, queryTimeoutMillis: 600_000 })) }
      ]
      const loaded = yield* load(engines, events)
      const rows = yield* Effect.forEach(QUESTIONS, (question) => compare(engines, question))
      return { loaded, rows }
    })
    const { loaded, rows } = await Effect.runPromise(Effect.scoped(measured))
    console.log(
      `engines: ${events} events, ${DAYS} days, ${database.origin}, fsync off; load DuckDB ${loaded[0]} rows/s, PostgreSQL ${loaded[1]} rows/s`
    )
    printTable(rows)
  } finally {
    await database.close()
    rmSync(directory, { recursive: true, force: true })
  }
}
