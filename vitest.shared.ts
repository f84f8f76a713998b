import { basename } from "node:path"
import { defineConfig } from "vitest/config"

/** CI's run, or one that was asked for by MILLRACE_LONG=1. */
const whole = process.env["CI"] === "true" || process.env["MILLRACE_LONG"] === "1"

/** Laws of minutes, by package: a laptop's `npm test` leaves them out, and says so; CI runs them all. */
const LONG: Readonly<Record<string, ReadonlyArray<string>>> = {
  cli: ["test/backupServed.test.ts", "test/history.test.ts"],
  "fault-tests": ["test/*.test.ts"],
  image: ["test/composed.test.ts"],
  server: ["test/backupServed.test.ts", "test/eraseKill.test.ts"]
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
    maxWorkers: 2
  }
})
