import { spawn } from "node:child_process"
import { join } from "node:path"
import { plant, type PlantedBug } from "@millrace/test-services"

/** A bug that a suite, not a schedule, has to find. */
interface SuiteMutant extends PlantedBug {
  /** Where the suite lies. */
  readonly folder: string
  /** Of the suite's tests, one at least fails. */
  readonly test: string
}

export const suiteMutants: ReadonlyArray<SuiteMutant> = [
  {
    name: "tombstones skipped by a store",
    file: "packages/adapters/embedded/src/store.ts",
    search: "    .map((batch) => log.tombstones.hideErased(batch))\n",
    replace: "",
    folder: "packages/adapters/embedded",
    test: "test/contract.test.ts"
  },
  {
    name: "tombstones skipped by a load",
    file: "packages/adapters/duckdb/src/tombstones.ts",
    search: "if (tombstones.size === 0) return",
    replace: "if (tombstones.size >= 0) return",
    folder: "packages/adapters/duckdb",
    test: "test/erase.test.ts"
  },
  {
    name: "anti-join dropped",
    file: "packages/adapters/duckdb/src/load.ts",
    search: "SELECT 1 FROM events WHERE events.event_id = page.event_id AND events.project_id = page.project_id",
    replace: "SELECT 1 FROM events WHERE false",
    folder: "packages/adapters/duckdb",
    test: "test/warehouse.test.ts"
  },
  {
    name: "a project filter dropped in one query",
    file: "packages/core/src/metric/metrics/trend/sql.ts",
    search: "sql`project_id = ${context.project_id} AND ${matches(params.event_type)}",
    replace: "sql`${matches(params.event_type)}",
    folder: "packages/adapters/duckdb",
    test: "test/contract.test.ts"
  },
  {
    name: "quota not given back",
    file: "packages/server/src/auth/AuthLimits.ts",
    search: "        yield* attempt.giveBack\n        const opened",
    replace: "        const opened",
    folder: "packages/server",
    test: "test/logins.test.ts"
  },
  {
    name: "lost not counted by the warehouse",
    file: "packages/core/src/flow/ledger.ts",
    search: "lost: of(counts.lost) + of(lost),",
    replace: "lost: 0,",
    folder: "packages/server",
    test: "test/ledgerGauges.test.ts"
  },
  {
    name: "lost not counted by the log",
    file: "packages/adapters/embedded/src/state/Sums.ts",
    search: "return this.accepted.minus(this.#counted).positive()",
    replace: "return new Tally([])",
    folder: "packages/cli",
    test: "test/salvage.test.ts"
  }
]

/** Runs the suite over the sources with the bug in them; whether it fails. */
export const isFoundBySuite = async (root: string, mutant: SuiteMutant): Promise<boolean> => {
  const planted = plant(root, mutant, { tests: true })
  try {
    const vitest = join(root, "node_modules/vitest/vitest.mjs")
    const child = spawn(process.execPath, [vitest, "run", mutant.test, "--bail", "1"], {
      cwd: join(planted.root, mutant.folder),
      env: { ...process.env, CI: "true" },
      stdio: ["ignore", "pipe", "pipe"]
    })
    let output = ""
    const keep = (text: unknown) => {
      output += String(text)
    }
    child.stdout.on("data", keep)
    child.stderr.on("data", keep)
    const code = await new Promise<number | null>((resolve) => child.once("close", resolve))
    // A suite that cannot even begin finds nothing.
    if (code !== 0 && !/Tests .*failed/u.test(output)) throw new Error(output.slice(-4_000))
    return code !== 0
  } finally {
    planted.remove()
  }
}

export const huntBySuites = async (root: string, only: string): Promise<boolean> => {
  let found = true
  for (const mutant of suiteMutants.filter(({ name }) => name.startsWith(only))) {
    const isFound = await isFoundBySuite(root, mutant)
    console.log(`${isFound ? "caught" : "MISSED"}: ${mutant.name}: by ${mutant.folder}/${mutant.test}`)
    found &&= isFound
  }
  return found
}
