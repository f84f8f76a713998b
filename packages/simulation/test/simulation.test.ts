import { expect, it } from "vitest"
import { explainSeed, simulate } from "../src/simulate.ts"

const repeated = process.env["MILLRACE_SEED"]
/** Always the same ones here; `npm run simulate` runs as many others as one likes. */
const seed = Number(repeated ?? 1)
const SCHEDULES = 2_000

it(
  "no power cut, kill or disk error loses, doubles or invents an event, and the ledger says so",
  { timeout: 600_000 },
  async () => {
    const said: Array<string> = []
    const total = await simulate({
      seed,
      schedules: repeated === undefined ? SCHEDULES : 1,
      onFailure: async (failed, findings) => {
        said.push(...findings, await explainSeed(failed))
      }
    })
    console.log(JSON.stringify(total))
    expect(said.join("\n")).toBe("")
    expect(total.acknowledged).toBeGreaterThan(0)
  }
)
