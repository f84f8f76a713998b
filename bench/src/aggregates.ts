import { copyFileSync, mkdtempSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DuckDBInstance } from "@duckdb/node-api"
import {
  Aggregates,
  type Event,
  EventBatch,
  type MetricName,
  query,
  type RawParams,
  type SqlText,
  Warehouse
} from "@millrace/core"
import { DuckDb } from "@millrace/duckdb"
import { Effect, Fiber, Layer } from "effect"
import { distinctBy, type Range, weeklyRetention } from "./handWritten.ts"
import { median, percentile, printTable, round } from "./table.ts"

const DAYS = 90
const USERS = 500_000
const TYPES = 50
/** A Monday. */
const START = Date.UTC(2026, 0, 5)
const DAY_MILLIS = 86_400_000
const date = (day: number) => new Date(START + day * DAY_MILLIS).toISOString().slice(0, 10)
const range: Range = { project_id: "default", from: START * 1000, until: (START + DAYS * DAY_MILLIS) * 1000 }
const whole = { from: date(0), to: date(DAYS - 1) }

/** In arrival order; few users are active often, and event types follow Zipf's law. */
const GENERATE = `
  INSERT INTO events (project_id, event_id, occurred_at, user_id, event_type, properties, received_at, skew_micros)
  SELECT 'default', uuid(), moment, 'user-' || (${USERS} * pow(random(), 2))::INT, 'type-' || exp(random() * ln(${TYPES}))::INT,
    '{"path":"/p/' || (random() * 500)::INT || '"}', moment, 0
  FROM (SELECT make_timestamp(($1::BIGINT + (i * $2::BIGINT)) + (random() * 3600e6)::BIGINT) AS moment FROM range($3::BIGINT) t(i))`

const generate = async (path: string, events: number) => {
  const instance = await DuckDBInstance.create(path, { memory_limit: "1GB" })
  const connection = await instance.connect()
  await connection.run("SELECT setseed(0.42)")
  const step = Math.floor((DAYS * DAY_MILLIS * 1000 - 3_600_000_000) / events)
  await connection.run(GENERATE, [BigInt(range.from), BigInt(step), BigInt(events)])
  await connection.run("UPDATE activity_state SET pending_from = 0")
  await connection.run("CHECKPOINT")
  connection.closeSync()
  instance.closeSync()
}

interface Case {
  readonly name: string
  readonly metric: MetricName
  readonly params: RawParams
  readonly hand: ReadonlyArray<SqlText>
}

const CASES: ReadonlyArray<Case> = [
  { name: "DAU", metric: "dau", params: whole, hand: distinctBy(range, "day") },
  { name: "WAU", metric: "active-users", params: { ...whole, interval: "week" }, hand: distinctBy(range, "week") },
  { name: "MAU", metric: "active-users", params: { ...whole, interval: "month" }, hand: distinctBy(range, "month") },
  { name: "retention", metric: "retention", params: { start_date: date(0), windows: 12 }, hand: weeklyRetention(range) }
]
/** Those without a best known hand-written query. */
const MORE: ReadonlyArray<Omit<Case, "hand">> = [
  { name: "rolling WAU, MAU", metric: "dau", params: { ...whole, rolling: true } },
  { name: "DAU in India", metric: "dau", params: { ...whole, tz: "Asia/Kolkata" } },
  { name: "stickiness", metric: "stickiness", params: whole },
  { name: "lifecycle", metric: "lifecycle", params: { ...whole, interval: "week" } }
]

const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const start = performance.now()
    yield* effect
    return performance.now() - start
  })

const askOnce = ({ metric, params }: Pick<Case, "metric" | "params">) =>
  timed(query({ metric, project_id: range.project_id, params }))

/** Through the same connections and limits. */
const byHand = (text: SqlText) =>
  timed(
    Effect.flatMap(Warehouse, (warehouse) =>
      warehouse.answer({ project_id: range.project_id, sql: () => text, shape: (raw) => raw, reference: () => [] })
    )
  )

const WARM_RUNS = 21

const measure = Effect.fnUntraced(function* (one: Omit<Case, "hand"> & Partial<Case>) {
  const cold = yield* askOnce(one)
  const warm = median(yield* Effect.forEach(Array.from({ length: WARM_RUNS }), () => askOnce(one)))
  const row = { question: one.name, "first ms": Math.round(cold), "then ms": round(warm) }
  if (one.hand === undefined) return { ...row, "best by hand ms": "", ratio: "" }
  const hands: Array<number> = []
  for (const text of one.hand) hands.push(Math.min(yield* byHand(text), yield* byHand(text)))
  const best = Math.min(...hands)
  return { ...row, "best by hand ms": Math.round(best), ratio: Math.round(best / warm) }
})

let numbers = 0
const pageOf = (events: number) => {
  const page = Array.from({ length: events }, (): Event => {
    const number = ++numbers
    // One in fifty is late, by up to the whole range.
    const late = number % 50 === 0 ? Math.random() * DAYS * DAY_MILLIS : Math.random() * 3_600_000
    return {
      project_id: "default",
      event_id: crypto.randomUUID(),
      occurred_at: Math.floor(START + DAYS * DAY_MILLIS - late) * 1000,
      user_id: `user-${Math.floor(USERS * Math.random() ** 2)}`,
      event_type: `type-${Math.round(TYPES ** Math.random())}`,
      properties: `{"path":"/products/${number % 300}","amount":${number % 97},"currency":"EUR","plan":"pro","campaign":"spring-sale-2026"}`,
      received_at: START * 1000,
      skew_micros: 0
    }
  })
  const batches = EventBatch.group(page)
  // As a store hands them over: encoded.
  for (const batch of batches) void batch.bytes.length
  return { batches, cursor: `page-${numbers}`, duplicates: {} }
}

const CLIENTS = 8
const UNDER_LOAD_MILLIS = 12_000
const EVENTS_PER_SMALL_PAGE = 5_000

/** Clients ask without a pause, each all questions in turn, while pages come in. */
const underLoad = (path: string, keptAnswers: number) =>
  Effect.gen(function* () {
    const warehouse = yield* Warehouse
    const pages = Array.from({ length: 40 }, () => pageOf(EVENTS_PER_SMALL_PAGE))
    const until = performance.now() + UNDER_LOAD_MILLIS
    let loaded = 0
    const load = Effect.gen(function* () {
      for (const page of pages) {
        if (performance.now() > until) return
        yield* warehouse.load(page)
        loaded += EVENTS_PER_SMALL_PAGE
      }
    })
    const millis = new Map(CASES.map(({ name }) => [name, [] as Array<number>]))
    const client = Effect.gen(function* () {
      while (performance.now() < until) {
        for (const one of CASES) {
          millis.get(one.name)!.push(yield* askOnce(one))
          yield* Effect.yieldNow
        }
      }
    })
    yield* Effect.forEach(CASES, askOnce)
    const start = performance.now()
    const loading = yield* Effect.forkChild(Effect.as(load, undefined))
    yield* Effect.all(
      Array.from({ length: CLIENTS }, () => client),
      { concurrency: "unbounded", discard: true }
    )
    yield* Fiber.join(loading)
    const seconds = (performance.now() - start) / 1000
    console.log(
      `${CLIENTS} clients, ${keptAnswers} kept answers, during ingestion of ${Math.round(loaded / seconds)} events/s in pages of ${EVENTS_PER_SMALL_PAGE}:`
    )
    printTable(
      [...millis].map(([question, all]) => ({
        question,
        answers: all.length,
        "p50 ms": round(percentile(all, 50), 1),
        "p99 ms": round(percentile(all, 99), 1),
        "max ms": round(Math.max(...all), 1)
      }))
    )
  }).pipe(Effect.provide(DuckDb.layer({ path, keptAnswers, selfCheckIntervalMillis: 0 })))

const EVENTS_PER_PAGE = 200_000
const PAGES = 5

/** The same pages into copies of the same file, with aggregates and without, in turn; the first page warms both up. */
const costOfRecording = async (path: string): Promise<void> => {
  const pages = Array.from({ length: PAGES }, () => pageOf(EVENTS_PER_PAGE))
  const [recorded, bare] = [`${path}.with`, `${path}.without`]
  for (const copy of [recorded, bare]) copyFileSync(path, copy)
  const millis = { recorded: [] as Array<number>, bare: [] as Array<number> }
  const loads = Effect.gen(function* () {
    const withThem = yield* Layer.build(layerOf(recorded))
    const without = yield* Layer.build(DuckDb.layer({ path: bare, activityMegabytes: 0 }))
    // So that there are sets in memory to keep current as well.
    yield* Effect.provideContext(askOnce(CASES[0]!), withThem)
    for (const page of pages) {
      const load = timed(Effect.flatMap(Warehouse, (warehouse) => warehouse.load(page)))
      millis.recorded.push(yield* Effect.provideContext(load, withThem))
      millis.bare.push(yield* Effect.provideContext(load, without))
    }
  })
  await Effect.runPromise(Effect.scoped(loads))
  for (const copy of [recorded, bare]) rmSync(copy, { force: true })
  const [slow, fast] = [median(millis.recorded.slice(1)), median(millis.bare.slice(1))]
  const rate = (each: number) => Math.round((EVENTS_PER_PAGE / each) * 1000)
  console.log(
    `loading pages of ${EVENTS_PER_PAGE}: ${rate(slow)} events/s, without aggregates ${rate(fast)}: cost ${round((1 - fast / slow) * 100, 1)} %`
  )
}

const mebibytes = (path: string) => round(statSync(path).size / 1024 / 1024, 1)

const ready = Effect.gen(function* () {
  const aggregates = yield* Aggregates
  while ((yield* aggregates.status).state !== "ready") yield* Effect.sleep(50)
})

const layerOf = (path: string) => DuckDb.layer({ path, keptAnswers: 0, selfCheckIntervalMillis: 0 })

/** A file with so many events, and its aggregates. */
const prepare = async (path: string, events: number): Promise<void> => {
  await Effect.runPromise(Effect.provide(Effect.asVoid(Warehouse), layerOf(path)))
  await generate(path, events)
  const before = mebibytes(path)
  const built = await Effect.runPromise(Effect.provide(timed(ready), layerOf(path)))
  console.log(
    `aggregates: ${events} events, ${USERS} users, ${DAYS} days; file ${before} MiB, with aggregates ${mebibytes(path)} MiB; built in ${round(built / 1000, 1)} s`
  )
}

/** From aggregates, against the best hand-written query on the same file. */
const compare = async (path: string): Promise<void> =>
  printTable(await Effect.runPromise(Effect.provide(Effect.forEach([...CASES, ...MORE], measure), layerOf(path))))

const askUnderLoad = async (path: string): Promise<void> => {
  for (const keptAnswers of [0, 200]) await Effect.runPromise(underLoad(path, keptAnswers))
}

export const benchAggregates = async (events: number): Promise<void> => {
  const directory = mkdtempSync(join(tmpdir(), "millrace-bench-"))
  const path = join(directory, "warehouse.duckdb")
  try {
    await prepare(path, events)
    await compare(path)
    await costOfRecording(path)
    await askUnderLoad(path)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
