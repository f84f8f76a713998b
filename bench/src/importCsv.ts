import { spawn } from "node:child_process"
import { createWriteStream, mkdtempSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pipeline } from "node:stream/promises"
import { fileURLToPath } from "node:url"
import { measure } from "./Process.ts"
import { printTable, round } from "./table.ts"

const CLI = fileURLToPath(new URL("../../packages/cli/dist/main.js", import.meta.url))

function* rows(count: number): Generator<string> {
  yield "user_id,event_type,occurred_at,path,amount,currency,campaign\n"
  const start = Date.UTC(2026, 0, 1)
  let chunk = ""
  for (let row = 0; row < count; row++) {
    const at = new Date(start + row * 7_000).toISOString()
    chunk += `user-${row % 50_000},${["visit", "search", "cart", "purchase"][row % 4]},${at},/products/${row % 300},${row % 97}.50,EUR,"spring, ""sale"" 2026"\n`
    if (chunk.length > 65_536) {
      yield chunk
      chunk = ""
    }
  }
  yield chunk
}

interface ImportRun {
  readonly seconds: number
  readonly cpuSeconds: number
  readonly peakMebibytes: number
}

const importOnce = (file: string, data: string): Promise<ImportRun> =>
  new Promise((resolve, reject) => {
    const start = performance.now()
    const child = spawn(process.execPath, [CLI, "import", file, "--data", data], {
      stdio: ["ignore", "ignore", "inherit"]
    })
    const process_ = measure(child)
    let peakMebibytes = 0
    let cpuSeconds = 0
    // The kernel forgets both with the process, so they are read while it runs.
    const timer = setInterval(() => {
      try {
        peakMebibytes = process_.peakMebibytes()
        cpuSeconds = process_.cpuSeconds()
      } catch {
        clearInterval(timer)
      }
    }, 20)
    child.once("exit", (code) => {
      clearInterval(timer)
      if (code === 0) resolve({ seconds: (performance.now() - start) / 1000, cpuSeconds, peakMebibytes })
      else reject(new Error(`import ended with ${code}`))
    })
  })

/** CSV file → durable, loaded, counted; the time of the whole command, start and close included. */
export const benchImport = async (sizes: ReadonlyArray<number>): Promise<void> => {
  const directory = mkdtempSync(join(tmpdir(), "millrace-bench-"))
  try {
    const runs: Array<ImportRun & { readonly rows: number; readonly mebibytes: number }> = []
    for (const size of sizes) {
      const file = join(directory, `${size}.csv`)
      await pipeline(rows(size), createWriteStream(file))
      const run = await importOnce(file, join(directory, `data-${size}`))
      runs.push({ ...run, rows: size, mebibytes: statSync(file).size / 1024 / 1024 })
    }
    console.log("import: CSV into an empty folder, everything loaded into the warehouse")
    printTable(
      runs.map((run) => ({
        rows: run.rows,
        "file MiB": round(run.mebibytes, 1),
        seconds: round(run.seconds),
        "rows/s": Math.round(run.rows / run.seconds),
        "CPU µs/row": round((run.cpuSeconds / run.rows) * 1e6),
        "peak MiB": Math.round(run.peakMebibytes),
        "peak ratio": round(run.peakMebibytes / runs[0]!.peakMebibytes)
      }))
    )
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
