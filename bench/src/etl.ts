import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Event, EventBatch, EventStore, makeLoadAhead } from "@millrace/core"
import { layerMemoryQueue } from "@millrace/core/memory"
import { DuckDb } from "@millrace/duckdb"
import { Postgres } from "@millrace/postgres"
import { Effect, Layer } from "effect"
import { cpuOfServices, type Services, withServices } from "./standard.ts"
import { printTable, round } from "./table.ts"

const EVENTS_PER_BATCH = 100
const BATCHES_PER_APPEND = 200
const LOAD_LIMIT = 200_000

const eventOf = (number: number): Event => ({
  project_id: "default",
  event_id: crypto.randomUUID(),
  occurred_at: (Date.now() - number * 100) * 1000,
  user_id: `user-${number % 5_000}`,
  event_type: ["visit", "search", "cart", "purchase"][number % 4]!,
  properties: `{"path":"/products/${number % 300}","amount":${number % 97},"currency":"EUR","plan":"pro","campaign":"spring-sale-2026"}`,
  received_at: Date.now() * 1000,
  skew_micros: 0
})

/** Stores events as a worker does. */
const fill = Effect.fnUntraced(function* (events: number) {
  const store = yield* EventStore
  const perAppend = EVENTS_PER_BATCH * BATCHES_PER_APPEND
  for (let from = 0; from < events; from += perAppend) {
    const count = Math.min(perAppend, events - from)
    const batches = Array.from({ length: Math.ceil(count / EVENTS_PER_BATCH) }, (_, batch) =>
      EventBatch.fromEvents(
        Array.from({ length: Math.min(EVENTS_PER_BATCH, count - batch * EVENTS_PER_BATCH) }, (__, index) =>
          eventOf(from + batch * EVENTS_PER_BATCH + index)
        )
      )
    )
    yield* store.append(batches)
  }
})

/** Loads until nothing is left, as the pipeline does. */
const loadAll = (services: Services) =>
  Effect.gen(function* () {
    const { postgres } = cpuOfServices(services)
    const before = { postgres: postgres!(), own: process.cpuUsage(), at: performance.now() }
    let rows = 0
    const load = yield* makeLoadAhead({ limit: LOAD_LIMIT })
    while (true) {
      const report = yield* load
      rows += report.inserted
      if (report.caughtUp) break
    }
    const seconds = (performance.now() - before.at) / 1000
    const { system, user } = process.cpuUsage(before.own)
    return {
      rows,
      seconds: round(seconds),
      "rows/s": Math.round(rows / seconds),
      "loader CPU µs/row": round((system + user) / rows, 1),
      "PostgreSQL CPU µs/row": round(((postgres!() - before.postgres) / rows) * 1e6, 1)
    }
  })

const MORE = 10_000
const ROUNDS = 3

/** PostgreSQL → DuckDB: everything, with aggregates and without, in turn; then what came after. */
export const benchEtl = (events: number): Promise<void> =>
  withServices(async (services) => {
    const directory = mkdtempSync(join(tmpdir(), "millrace-bench-"))
    const url = await services.database.createDatabase()
    const store = Layer.merge(Postgres.layer({ url }), layerMemoryQueue())
    const into = (name: string, activityMegabytes: number) =>
      Effect.provide(
        Effect.scoped(loadAll(services)),
        DuckDb.layer({ path: join(directory, name), activityMegabytes, selfCheckIntervalMillis: 0 })
      )
    const program = Effect.gen(function* () {
      yield* fill(events)
      const rows: Array<Readonly<Record<string, string | number>>> = []
      for (let turn = 0; turn < ROUNDS; turn++) {
        rows.push({ run: "without aggregates", ...(yield* into(`bare-${turn}`, 0)) })
        rows.push({ run: "full", ...(yield* into(`full-${turn}`, 128)) })
      }
      yield* fill(MORE)
      rows.push({ run: "incremental", ...(yield* into("full-0", 128)) })
      console.log(`etl: PostgreSQL → DuckDB, ${services.database.origin}`)
      printTable(rows)
    })
    try {
      await Effect.runPromise(program.pipe(Effect.provide(store)))
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  })
