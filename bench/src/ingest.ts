import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { type LoadResult, runLoad } from "./Load.ts"
import { startServer } from "./Process.ts"
import { median, printTable, round } from "./table.ts"

const CLI = fileURLToPath(new URL("../../packages/cli/dist/main.js", import.meta.url))
const RAW = fileURLToPath(new URL("rawServer.ts", import.meta.url))

interface IngestOptions {
  readonly clients: number
  readonly eventsPerRequest: number
  readonly seconds: number
  readonly rounds: number
}

interface Round extends LoadResult {
  readonly serverCpuMicros: number
  readonly peakMebibytes: number
}

const oneRound = async (name: "raw" | "millrace", options: IngestOptions): Promise<Round> => {
  const directory = mkdtempSync(join(tmpdir(), "millrace-bench-"))
  const args = name === "raw" ? [RAW] : [CLI, "serve", "--port", "0", "--data", directory]
  const server = await startServer(args)
  try {
    await runLoad({ ...options, port: server.port, seconds: 1 })
    const before = server.cpuSeconds()
    const result = await runLoad({ ...options, port: server.port })
    const cpu = server.cpuSeconds() - before
    return { ...result, serverCpuMicros: (cpu / result.events) * 1e6, peakMebibytes: server.peakMebibytes() }
  } finally {
    await server.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}

/** HTTP ingest, fsync before 202, against a server that only parses; rounds alternate, medians are compared. */
export const benchIngest = async (options: IngestOptions): Promise<void> => {
  const rounds: Record<"raw" | "millrace", Array<Round>> = { raw: [], millrace: [] }
  for (let done = 0; done < options.rounds; done++) {
    rounds.raw.push(await oneRound("raw", options))
    rounds.millrace.push(await oneRound("millrace", options))
  }
  const rate = (name: "raw" | "millrace") => median(rounds[name].map((run) => run.events / run.seconds))
  console.log(
    `ingest: ${options.clients} clients, ${options.eventsPerRequest} events a request, ${options.rounds} rounds of ${options.seconds} s`
  )
  printTable(
    (["raw", "millrace"] as const).map((name) => ({
      server: name === "raw" ? "node:http, parse and 202" : "millrace, fsync before 202",
      "events/s": Math.round(rate(name)),
      ratio: round(rate(name) / rate("raw")),
      "server CPU µs/event": round(median(rounds[name].map((run) => run.serverCpuMicros))),
      "p50 ms": round(median(rounds[name].map((run) => run.p50Millis))),
      "p99 ms": round(median(rounds[name].map((run) => run.p99Millis))),
      "peak MiB": Math.round(Math.max(...rounds[name].map((run) => run.peakMebibytes))),
      refused: rounds[name].reduce((sum, run) => sum + run.refused, 0)
    }))
  )
}
