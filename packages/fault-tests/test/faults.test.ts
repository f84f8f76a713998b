import { fileURLToPath } from "node:url"
import { describeWithService } from "@millrace/test-services/vitest"
import { afterAll, beforeAll, expect, it } from "vitest"
import type { Services } from "../src/Cluster.ts"
import { lineOf } from "../src/report.ts"
import { runSchedule } from "../src/runSchedule.ts"
import { describeSchedule, scheduleOf } from "../src/Schedule.ts"
import { broker, database } from "../src/services.ts"

const ROOT = fileURLToPath(new URL("../../..", import.meta.url))
const OUTAGE_MILLIS = 3_000
/** One schedule's time on a slow machine. */
const SCHEDULE_MILLIS = 600_000
const SCHEDULES = 4
/** Always the same ones here; `npm run faults` runs as many others as one likes. */
const FIRST = Number(process.env["MILLRACE_FAULT_SEED"] ?? 1)
const count = process.env["MILLRACE_FAULT_SEED"] === undefined ? SCHEDULES : 1

const located = await Promise.all([database.locate(), broker.locate()])
const missing = located[0]._tag === "Missing" ? database : broker
// Both must be ours to kill; an absent one is told, and fails under CI.
await (located.some(({ _tag }) => _tag === "Missing")
  ? describeWithService("faults", missing, () => {})
  : describeWithService("faults", broker, (nats, { owned }) => {
      // What an environment variable names is not this test's to kill.
      if (!owned || located[0]._tag === "Missing" || !located[0].owned) return
      let services: Services
      beforeAll(async () => {
        services = { nats: nats(), postgres: await database.start() }
      })
      afterAll(() => services.postgres.close())

      const seeds = Array.from({ length: count }, (_, index) => FIRST + index)
      const options = { outageMillis: OUTAGE_MILLIS }
      const schedules = [...seeds.map((seed) => scheduleOf(seed, options)), scheduleOf(FIRST + count, options, "purge")]
      for (const schedule of schedules) {
        const { seed } = schedule
        it(
          `counts each acknowledged event once: ${describeSchedule(schedule)}`,
          { timeout: SCHEDULE_MILLIS },
          async () => {
            const outcome = await runSchedule(schedule, services, ROOT)
            console.log(`${lineOf(outcome)}\nrepeat with MILLRACE_FAULT_SEED=${seed}`)
            if (outcome.findings.length > 0) console.log(outcome.output)
            expect(outcome.findings).toEqual([])
            expect(outcome.figures.acknowledged).toBeGreaterThan(0)
          }
        )
      }
    }))
