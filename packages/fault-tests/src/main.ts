import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { lineOf, totalOf } from "./report.ts"
import { type Outcome, runSchedule } from "./runSchedule.ts"
import { describeSchedule, scheduleOf } from "./Schedule.ts"
import { withServices } from "./services.ts"

const ROOT = fileURLToPath(new URL("../../..", import.meta.url))

const { values } = parseArgs({
  options: {
    schedules: { type: "string", default: "10" },
    seed: { type: "string", default: process.env["MILLRACE_FAULT_SEED"] ?? "1" },
    theme: { type: "string" },
    "outage-seconds": { type: "string", default: "4" }
  }
})

const first = Number(values.seed)
const options = { outageMillis: Number(values["outage-seconds"]) * 1_000 }

const outcomes = await withServices(async (services) => {
  console.log(`${services.nats.origin}; ${services.postgres.origin}`)
  const done: Array<Outcome> = []
  for (let seed = first; done.length < Number(values.schedules); seed++) {
    const schedule = scheduleOf(seed, options)
    if (values.theme !== undefined && schedule.theme !== values.theme) continue
    console.log(`run ${describeSchedule(schedule)}`)
    const outcome = await runSchedule(schedule, services, ROOT)
    console.log(lineOf(outcome))
    if (outcome.findings.length > 0) console.log(outcome.output)
    done.push(outcome)
  }
  return done
})
console.log(totalOf(outcomes))
process.exitCode = outcomes.every(({ findings }) => findings.length === 0) ? 0 : 1
