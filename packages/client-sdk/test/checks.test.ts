import { readdirSync, readFileSync } from "node:fs"
import { expect, it } from "vitest"
import { CHECKS } from "./checks.ts"

const folder = new URL(".", import.meta.url)
const sources = readdirSync(folder, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts") && !name.endsWith("checks.test.ts"))
  .map((name) => readFileSync(new URL(name, folder), "utf8"))
  .join("\n")

it("there are 55 checks, all different", () => {
  expect(new Set(CHECKS).size).toBe(55)
})

it.each(CHECKS)("%s has its test", (name) => {
  expect(sources.includes(`check("${name}")`)).toBe(true)
})
