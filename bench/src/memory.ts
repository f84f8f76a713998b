import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { runLoad } from "./Load.ts"
import { startServer } from "./Process.ts"
import { printTable, round } from "./table.ts"

const CLI = fileURLToPath(new URL("../../packages/cli/dist/main.js", import.meta.url))

const day = (daysAgo: number) => new Date(Date.now() - daysAgo * 86_400_000).toISOString().slice(0, 10)

const QUESTIONS = [
  `/stats/dau?from=${day(89)}&to=${day(0)}&rolling=true`,
  `/stats/top-events?from=${day(89)}&to=${day(0)}`,
  `/stats/retention?start_date=${day(60)}&interval=day&windows=30`
]

/** One server under full ingest and a stream of questions: what it holds at most, and whether it still counts right. */
export const benchMemory = async (options: { readonly seconds: number }): Promise<void> => {
  const directory = mkdtempSync(join(tmpdir(), "millrace-bench-"))
  const server = await startServer([CLI, "serve", "--port", "0", "--data", directory])
  const url = `http://127.0.0.1:${server.port}`
  const until = performance.now() + options.seconds * 1000
  let questions = 0
  const ask = async () => {
    while (performance.now() < until) {
      const answer = await fetch(url + QUESTIONS[questions % QUESTIONS.length]!)
      if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`)
      await answer.arrayBuffer()
      questions++
    }
  }
  try {
    const [load] = await Promise.all([
      runLoad({ port: server.port, clients: 32, eventsPerRequest: 100, seconds: options.seconds }),
      ask(),
      ask()
    ])
    const ledger = (await (await fetch(`${url}/ledger`)).json()) as {
      readonly in_flight: number
      readonly difference: number
    }
    console.log(`memory: ${options.seconds} s of ingest from 32 clients while two ask questions`)
    printTable([
      {
        events: load.events,
        "events/s": Math.round(load.events / load.seconds),
        refused: load.refused,
        questions,
        "peak MiB": Math.round(server.peakMebibytes()),
        "CPU cores": round(server.cpuSeconds() / load.seconds),
        "in flight at the end": ledger.in_flight,
        difference: ledger.difference
      }
    ])
  } finally {
    await server.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}
