// Passes a test run's output through and closes with one line: how many tests passed and failed over all suites.
import { createInterface } from "node:readline"

// eslint-disable-next-line no-control-regex -- vitest colours its summary
const COLOURS = /\u001b\[[0-9;]*m/gu
const totals = { passed: 0, failed: 0, skipped: 0 }

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${line}\n`)
  const summary = /\bTests\s+(.*\d+ (?:passed|failed|skipped).*)$/u.exec(line.replace(COLOURS, ""))?.[1] ?? ""
  for (const [, count, kind] of summary.matchAll(/(\d+) (passed|failed|skipped)/gu)) totals[kind] += Number(count)
}
process.stdout.write(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped\n`)
