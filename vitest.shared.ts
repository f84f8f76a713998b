import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { defineConfig } from "vitest/config"

/** CI's run, or one that was asked for by MILLRACE_LONG=1. */
const whole = process.env["CI"] === "true" || process.env["MILLRACE_LONG"] === "1"

/** Laws of minutes, by package: a laptop's `npm test` leaves them out, and says so; CI runs them all. */
const LONG: Readonly<Record<string, ReadonlyArray<string>>> = {
  cli: [
    "test/backup.test.ts",
    "test/backupServed.test.ts",
    "test/history.test.ts",
    "test/personalData.test.ts",
    "test/reconcileServed.test.ts",
    "test/resume.test.ts",
    "test/salvage.test.ts"
  ],
  duckdb: ["test/activity.test.ts", "test/sigkill.test.ts"],
  "fault-tests": ["test/*.test.ts"],
  image: ["test/composed.test.ts"],
  nats: ["test/kill.test.ts"],
  postgres: ["test/warehouse/sigkill.test.ts"],
  server: [
    "test/backup.test.ts",
    "test/backupServed.test.ts",
    "test/broker.test.ts",
    "test/eraseKill.test.ts",
    "test/kill.test.ts",
    "test/postgres.test.ts",
    "test/slow.test.ts"
  ],
  simulation: ["test/mutants.test.ts"],
  "test-services": ["test/programs.test.ts"]
}
const long = LONG[basename(process.cwd())] ?? []

// Workspace packages resolve to their sources ("source" condition), so tests never run against a stale build.
export default defineConfig({
  resolve: { conditions: ["source"] },
  ssr: { resolve: { conditions: ["source"] } },
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["**/node_modules/**", ...(whole ? [] : long)],
    passWithNoTests: !whole,
    pool: "forks",
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    // Processes that tests start read what others compiled before them.
    env: { NODE_COMPILE_CACHE: join(tmpdir(), "millrace-test-compile-cache") }
  }
})
