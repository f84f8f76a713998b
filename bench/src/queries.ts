import { mkdtempSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DuckDBInstance } from "@duckdb/node-api"
import { type MetricName, query, type RawParams, type SqlText, Warehouse } from "@millrace/core"
import { DuckDb } from "@millrace/duckdb"
import { Effect } from "effect"
import {
  dailyByPath,
  dailyUsers,
  dailyUsersByPath,
  type Range,
  threeSteps,
  topEvents,
  weeklyRetention
} from "./handWritten.ts"
import { median, printTable, round } from "./table.ts"

const DAYS = 91
const USERS = 500_000
const RUNS = 5
/** A Monday, so that weeks and range begin together. */
const START = Date.UTC(2026, 0, 5)
const date = (day: number) => new Date(START + day * 86_400_000).toISOString().slice(0, 10)
const range: Range = { project_id: "default", from: START * 1000, until: (START + DAYS * 86_400_000) * 1000 }

/** In arrival order; few users are active often, few event types are common (both by a power law). */
const GENERATE = `
  INSERT INTO events (project_id, event_id, occurred_at, user_id, event_type, properties, received_at, skew_micros)
  SELECT 'default', uuid(), moment, 'user-' || (${USERS} * pow(random(), 2.5))::INT,
    'type-' || (20 * pow(random(), 2))::INT, json_object('path', '/p/' || (random() * 500)::INT, 'amount', (random() * 100)::INT),
    moment, 0
  FROM (SELECT make_timestamp(($1::BIGINT + (i * $2::BIGINT)) + (random() * 3600e6)::BIGINT) AS moment FROM range($3::BIGINT) t(i))`

export const generate = async (path: string, events: number) => {
  const instance = await DuckDBInstance.create(path)
  const connection = await instance.connect()
  await connection.run("SELECT setseed(0.42)")
  const step = Math.floor((DAYS * 86_400_000_000 - 3_600_000_000) / events)
  await connection.run(GENERATE, [BigInt(range.from), BigInt(step), BigInt(events)])
  await connection.run("CHECKPOINT")
  connection.closeSync()
  instance.closeSync()
}

interface Case {
  readonly metric: MetricName
  readonly params: RawParams
  readonly hand: ReadonlyArray<SqlText>
}

export const WHOLE = { from: date(0), to: date(DAYS - 1) }

const CASES: ReadonlyArray<Case> = [
  { metric: "dau", params: WHOLE, hand: dailyUsers(range) },
  { metric: "top-events", params: WHOLE, hand: topEvents(range) },
  { metric: "retention", params: { start_date: date(0), windows: 12 }, hand: weeklyRetention(range) },
  { metric: "funnel", params: { ...WHOLE, steps: "type-0,type-1,type-2", window: "7d" }, hand: threeSteps(range) },
  {
    metric: "trend",
    params: { ...WHOLE, measure: "users", breakdown: "properties.path" },
    hand: dailyUsersByPath(range)
  },
  { metric: "trend", params: { ...WHOLE, breakdown: "properties.path" }, hand: dailyByPath(range) }
]

export const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const start = performance.now()
    yield* effect
    return performance.now() - start
  })

/** Hand-written SQL goes through the same connection and limits as the metric does. */
const runByHand = (text: SqlText) =>
  Effect.flatMap(Warehouse, (warehouse) =>
    warehouse.answer({ project_id: range.project_id, sql: () => text, shape: (raw) => raw, reference: () => [] })
  )

const compare = Effect.fnUntraced(function* ({ hand, metric, params }: Case) {
  const ours: Array<number> = []
  const theirs = hand.map((): Array<number> => [])
  for (let run = 0; run <= RUNS; run++) {
    const millis = yield* timed(query({ metric, project_id: range.project_id, params }))
    if (run > 0) ours.push(millis)
    for (const [index, text] of hand.entries()) {
      const handMillis = yield* timed(runByHand(text))
      if (run > 0) theirs[index]!.push(handMillis)
    }
  }
  const best = Math.min(...theirs.map(median))
  return {
    metric,
    "millrace ms": Math.round(median(ours)),
    "best by hand ms": Math.round(best),
    ratio: round(median(ours) / best),
    "all by hand ms": theirs.map((runs) => Math.round(median(runs))).join(" ")
  }
})

const FILL_MILLIS = 20_000

/** The last case once more, after its property got a column of its own; by hand it stays a question over JSON. */
const compareOverColumn = Effect.gen(function* () {
  const { hand, metric, params } = CASES.at(-1)!
  yield* query({ metric, project_id: range.project_id, params })
  yield* Effect.sleep(FILL_MILLIS)
  return { ...(yield* compare({ hand, metric, params })), metric: "trend, hot property" }
})

/** An empty file with the schema. */
export const makeWarehouse = (path: string): Promise<unknown> =>
  Effect.runPromise(
    Effect.provide(
      Effect.flatMap(Warehouse, (warehouse) => warehouse.watermark),
      DuckDb.layer({ path })
    )
  )

/** Each metric against the best hand-written query on the same file; runs alternate, medians of 5 after a warm-up. */
export const benchQueries = async (events: number): Promise<void> => {
  const directory = mkdtempSync(join(tmpdir(), "millrace-bench-"))
  const path = join(directory, "warehouse.duckdb")
  try {
    await makeWarehouse(path)
    await generate(path, events)
    const rows = await Effect.runPromise(
      Effect.forEach(CASES, compare).pipe(
        Effect.provide(DuckDb.layer({ path, activityMegabytes: 0, keptAnswers: 0, hotProperties: 0 }))
      )
    )
    const overColumn = await Effect.runPromise(
      Effect.provide(
        compareOverColumn,
        DuckDb.layer({ path, activityMegabytes: 0, keptAnswers: 0, hotAfterQuestions: 1 })
      )
    )
    console.log(
      `queries: ${events} events, ${USERS} users, ${DAYS} days, file ${Math.round(statSync(path).size / 1024 / 1024)} MiB`
    )
    printTable([...rows, overColumn])
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
