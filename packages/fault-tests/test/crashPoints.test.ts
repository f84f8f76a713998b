import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { randomOf, strace } from "@millrace/test-services"
import { describeWithProgram } from "@millrace/test-services/vitest"
import { expect, it } from "vitest"
import { crashPoints, describePoint } from "../src/crashPoints/points.ts"
import { runPoint } from "../src/crashPoints/runPoint.ts"

const ROOT = fileURLToPath(new URL("../../..", import.meta.url))
const POINTS = 12
const POINT_MILLIS = 600_000
/** Always the same ones here; `npm run faults -- --crash-points` runs all. */
const seed = Number(process.env["MILLRACE_FAULT_SEED"] ?? 1)
// Rolling takes 70 MB of events.
const chosen = randomOf(seed)
  .shuffle(crashPoints.filter(({ work }) => work !== "roll"))
  .slice(0, POINTS)

it("no crash point is named twice, and there are enough of them", () => {
  const names = crashPoints.map(describePoint)
  expect(new Set(names).size).toBe(names.length)
  expect(names.length).toBeGreaterThanOrEqual(150)
})

describeWithProgram(
  "a fault at a system call loses nothing",
  { program: "strace", found: await strace() },
  (binary) => {
    for (const point of chosen) {
      it(`holds: ${describePoint(point)}`, { timeout: POINT_MILLIS }, async () => {
        const place = { strace: binary, main: join(ROOT, "packages/cli/src/main.ts") }
        const { findings, output } = await runPoint(point, place)
        if (findings.length > 0) console.log(output)
        expect(findings).toEqual([])
      })
    }
  }
)
