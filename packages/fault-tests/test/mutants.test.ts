import { fileURLToPath } from "node:url"
import { isApplicable } from "@millrace/test-services"
import { expect, it } from "vitest"
import { mutants } from "../src/mutants.ts"

const ROOT = fileURLToPath(new URL("../../..", import.meta.url))

it("every planted bug has its place in the sources", () => {
  expect(mutants.filter((mutant) => !isApplicable(ROOT, mutant)).map(({ name }) => name)).toEqual([])
})
