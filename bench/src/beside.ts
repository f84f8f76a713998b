import { DuckDb } from "@millrace/duckdb"
import { Warehouse } from "@millrace/core"
import { Effect } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { type LoadResult, runLoad } from "./Load.ts"
import { startServer } from "./Process.ts"
import { generate } from "./queries.ts"
import { median, printTable, round } from "./table.ts"

const CLI = fileURLToPath(new URL("../../packages/cli/dist/main.js", import.meta.url))

const RANGE = "from=2026-01-05&to=2026-04-05"

/** Each scans everything; `variant` makes it another question, so that no kept answer is given. */
const QUESTIONS = [
  (variant: number) => `/stats/retention?start_date=2026-01-05&interval=day&windows=${30 + (variant % 60)}`,
  (variant: number) => `/stats/funnel?${RANGE}&steps=type-0,type-1,type-2&window=${1 + (variant % 300)}h`,
  (variant: number) => `/stats/trend?${RANGE}&breakdown=properties.path&where=properties.amount>${variant % 90}`
]

interface BesideOptions {
  /** In the warehouse, before anything is sent. */
  readonly events: number
  /** Clients that ask, each one question after the other. */
  readonly askers: number
  readonly seconds: number
  readonly rounds: number
}

interface Round extends LoadResult {
  readonly answers: ReadonlyArray<number>
}

const oneRound = async (port: number, askers: number, seconds: number): Promise<Round> => {
  const until = performance.now() + seconds * 1000
  const answers: Array<number> = []
  let variant = 0
  const ask = async () => {
    while (performance.now() < until) {
      const question = QUESTIONS[variant % QUESTIONS.length]!(variant++)
      const start = performance.now()
      // Those under way at the end are given up, and stop there.
      const answer = await fetch(`http://127.0.0.1:${port}${encodeURI(question)}`, {
        signal: AbortSignal.timeout(Math.max(1, Math.ceil(until - start)))
      }).catch(() => undefined)
      if (answer === undefined) return
      if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`)
      await answer.arrayBuffer().catch(() => undefined)
      answers.push(performance.now() - start)
    }
  }
  const [load] = await Promise.all([
    runLoad({ port, clients: 32, eventsPerRequest: 100, seconds }),
    ...Array.from({ length: askers }, ask)
  ])
  return { ...load, answers }
}

/** Ingest alone and beside heavy questions, on one server; rounds alternate, medians are compared. */
export const benchBeside = async (options: BesideOptions): Promise<void> => {
  const directory = mkdtempSync(join(tmpdir(), "millrace-bench-"))
  const path = join(directory, "warehouse.duckdb")
  try {
    await Effect.runPromise(
      Effect.provide(
        Effect.flatMap(Warehouse, (warehouse) => warehouse.watermark),
        DuckDb.layer({ path })
      )
    )
    await generate(path, options.events)
    const server = await startServer([CLI, "serve", "--port", "0", "--data", directory])
    const rounds: Record<"alone" | "beside", Array<Round>> = { alone: [], beside: [] }
    try {
      await oneRound(server.port, 0, 1)
      for (let done = 0; done < options.rounds; done++) {
        rounds.alone.push(await oneRound(server.port, 0, options.seconds))
        rounds.beside.push(await oneRound(server.port, options.askers, options.seconds))
      }
    } finally {
      await server.stop()
    }
    report(rounds, options)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

const report = (rounds: Record<"alone" | "beside", ReadonlyArray<Round>>, options: BesideOptions) => {
  const rate = (of: ReadonlyArray<Round>) => median(of.map(({ events, seconds }) => events / seconds))
  console.log(
    `beside: ${options.events} events in the warehouse, ingest from 32 clients, ${options.askers} ask, ${options.rounds} rounds of ${options.seconds} s`
  )
  printTable(
    (["alone", "beside"] as const).map((name) => {
      const answers = rounds[name].flatMap((run) => run.answers)
      return {
        ingest: name === "alone" ? "alone" : `beside ${options.askers} heavy questions`,
        "events/s": Math.round(rate(rounds[name])),
        ratio: round(rate(rounds[name]) / rate(rounds.alone)),
        "p50 ms": round(median(rounds[name].map((run) => run.p50Millis))),
        "p99 ms": round(median(rounds[name].map((run) => run.p99Millis))),
        refused: rounds[name].reduce((sum, run) => sum + run.refused, 0),
        answers: answers.length,
        "answer p50 ms": answers.length === 0 ? 0 : Math.round(median(answers))
      }
    })
  )
}
