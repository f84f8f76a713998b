import { fileURLToPath } from "node:url"
import { isApplicable } from "@millrace/test-services"
import { expect, it } from "vitest"
import { mutants } from "../src/mutants.ts"
import { isFoundBySuite, suiteMutants } from "../src/suiteMutants.ts"

const ROOT = fileURLToPath(new URL("../../..", import.meta.url))

it("every planted bug has its place in the sources", () => {
  expect([...mutants, ...suiteMutants].filter((mutant) => !isApplicable(ROOT, mutant)).map(({ name }) => name)).toEqual(
    []
  )
})

/** The others by command: `npm run faults -- --suite-mutants`. */
it("a bug of which a suite has to tell is told", { timeout: 300_000 }, async () => {
  const [mutant] = suiteMutants
  expect(await isFoundBySuite(ROOT, mutant!)).toBe(true)
})
