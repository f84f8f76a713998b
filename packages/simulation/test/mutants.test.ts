import { fileURLToPath } from "node:url"
import { isApplicable } from "@millrace/test-services"
import { expect, it } from "vitest"
import { hunt } from "../src/hunt.ts"
import { mutants } from "../src/mutants.ts"

const ROOT = fileURLToPath(new URL("../../..", import.meta.url))
const HUNT_MILLIS = 300_000
const SCHEDULES = 400
/** The others by command: `npm run simulate -- --mutants`. */
const HUNTED = new Set([
  "no fsync before the 202",
  "spare without sync",
  "no folder sync on a roll",
  "torn tail not zeroed"
])

it("every planted bug has its place in the sources", () => {
  expect(mutants.filter((mutant) => !isApplicable(ROOT, mutant)).map(({ name }) => name)).toEqual([])
})

for (const mutant of mutants.filter(({ name }) => HUNTED.has(name))) {
  it(`finds: ${mutant.name}`, { timeout: HUNT_MILLIS }, async () => {
    expect(await hunt(ROOT, mutant, { seed: 1, schedules: SCHEDULES })).toBeGreaterThan(0)
  })
}
