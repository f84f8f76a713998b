import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DuckDBInstance } from "@duckdb/node-api"
import { query } from "@millrace/core"
import { DuckDb } from "@millrace/duckdb"
import { Effect } from "effect"
import { generate, makeWarehouse, timed, WHOLE } from "./queries.ts"
import { median, printTable, round } from "./table.ts"

const RUNS = 5
const STEPS = ["type-0", "type-1", "type-2"]

/** What is used of ClickHouse's in-process engine: half a gigabyte, so brought only for this bench. */
interface Chdb {
  readonly Session: new (path: string) => {
    readonly query: (sql: string, format?: string) => string
    readonly close: () => void
  }
}

const bring = (directory: string): Chdb => {
  execFileSync("npm", ["install", "--no-save", "--silent", "--prefix", directory, "chdb@3.4.0"], { stdio: "inherit" })
  return createRequire(join(directory, "package.json"))("chdb") as Chdb
}

const exportEvents = async (path: string, parquet: string) => {
  const instance = await DuckDBInstance.create(path)
  const connection = await instance.connect()
  await connection.run(`COPY (SELECT user_id, event_type, occurred_at FROM events) TO '${parquet}' (FORMAT parquet)`)
  connection.closeSync()
  instance.closeSync()
}

const CREATE = `CREATE TABLE events (user_id String, event_type LowCardinality(String), occurred_at DateTime64(6, 'UTC'))
  ENGINE = MergeTree ORDER BY occurred_at`

/** Users by how many steps they reached; the event types are constants of this file. */
const FUNNEL = `
  SELECT level, count() FROM (
    SELECT windowFunnel(604800000000)(toUInt64(toUnixTimestamp64Micro(occurred_at)), ${STEPS.map((type) => `event_type = '${type}'`).join(", ")}) AS level
    FROM events WHERE event_type IN (${STEPS.map((type) => `'${type}'`).join(", ")}) GROUP BY user_id
  ) WHERE level > 0 GROUP BY level ORDER BY level SETTINGS max_threads = 2`

const runClickHouse = (chdb: Chdb, directory: string, parquet: string) => {
  const session = new chdb.Session(join(directory, "clickhouse"))
  session.query(CREATE)
  session.query(`INSERT INTO events SELECT user_id, event_type, occurred_at FROM file('${parquet}', Parquet)`)
  const millis: Array<number> = []
  let answer = ""
  for (let run = 0; run <= RUNS; run++) {
    const start = performance.now()
    answer = session.query(FUNNEL, "CSV")
    if (run > 0) millis.push(performance.now() - start)
  }
  session.close()
  const levels = answer
    .trim()
    .split("\n")
    .map((line) => Number(line.split(",")[1]))
  return { millis: median(millis), users: levels.map((_, index) => levels.slice(index).reduce((a, b) => a + b, 0)) }
}

const ours = Effect.gen(function* () {
  const funnel = query({
    metric: "funnel",
    project_id: "default",
    params: { ...WHOLE, steps: STEPS.join(","), window: "7d" }
  })
  const millis: Array<number> = []
  for (let run = 0; run <= RUNS; run++) {
    const took = yield* timed(funnel)
    if (run > 0) millis.push(took)
  }
  const { rows } = yield* funnel
  return { millis: median(millis), users: rows.map(({ users }) => users) }
})

/** The funnel of three steps in seven days beside ClickHouse's own function, on the same events. */
export const benchWindowFunnel = async (events: number): Promise<void> => {
  const directory = mkdtempSync(join(tmpdir(), "millrace-bench-"))
  const path = join(directory, "warehouse.duckdb")
  const parquet = join(directory, "events.parquet")
  try {
    const chdb = bring(directory)
    await makeWarehouse(path)
    await generate(path, events)
    await exportEvents(path, parquet)
    const theirs = runClickHouse(chdb, directory, parquet)
    const own = await Effect.runPromise(Effect.provide(ours, DuckDb.layer({ path, keptAnswers: 0 })))
    console.log(`window-funnel: ${events} events`)
    printTable([
      { engine: "ClickHouse, windowFunnel", ms: Math.round(theirs.millis), ratio: 1, users: theirs.users.join(" ") },
      {
        engine: "millrace on DuckDB",
        ms: Math.round(own.millis),
        ratio: round(own.millis / theirs.millis),
        users: own.users.join(" ")
      }
    ])
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
