import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import type { Services } from "./Cluster.ts"
import { plant } from "@millrace/test-services"
import { runPoints } from "./crashPoints/runPoints.ts"
import { type Mutant, mutants } from "./mutants.ts"
import { lineOf, totalOf } from "./report.ts"
import { type Outcome, runSchedule } from "./runSchedule.ts"
import { describeSchedule, scheduleOf } from "./Schedule.ts"
import { withServices } from "./services.ts"
import { huntBySuites } from "./suiteMutants.ts"

const ROOT = fileURLToPath(new URL("../../..", import.meta.url))

const { values } = parseArgs({
  options: {
    /** How many, or with `--mutants` how many at most for each. */
    schedules: { type: "string", default: "40" },
    /** Of the first one; each further one is one up. */
    seed: { type: "string", default: process.env["MILLRACE_FAULT_SEED"] ?? "1" },
    theme: { type: "string" },
    "outage-seconds": { type: "string", default: "4" },
    mutants: { type: "boolean", default: false },
    /** Those that a suite has to find, in place of schedules. */
    "suite-mutants": { type: "boolean", default: false },
    /** Faults at system calls of one process, by strace, in place of schedules. */
    "crash-points": { type: "boolean", default: false },
    /** Only those whose description holds it. */
    only: { type: "string", default: "" },
    jobs: { type: "string", default: "2" },
    /** Only those whose name begins so. */
    mutant: { type: "string", default: "" }
  }
})

const count = Number(values.schedules)
const first = Number(values.seed)
const usualOutageMillis = Number(values["outage-seconds"]) * 1_000

function* schedules(theme = values.theme, outageMillis = usualOutageMillis) {
  for (let seed = first, given = 0; given < count; seed++) {
    const schedule = scheduleOf(seed, { outageMillis }, theme === "purge" ? theme : undefined)
    if (theme !== undefined && schedule.theme !== theme) continue
    given++
    yield schedule
  }
}

const runAll = async (services: Services): Promise<boolean> => {
  const done: Array<Outcome> = []
  for (const schedule of schedules()) {
    console.log(`run ${describeSchedule(schedule)}`)
    const outcome = await runSchedule(schedule, services, ROOT)
    console.log(lineOf(outcome))
    if (outcome.findings.length > 0) console.log(outcome.output)
    done.push(outcome)
  }
  console.log(totalOf(done))
  return done.every(({ findings }) => findings.length === 0)
}

/** Runs schedules over the sources with the bug in them until one finds it. */
const hunt = async (services: Services, mutant: Mutant): Promise<boolean> => {
  const planted = plant(ROOT, mutant)
  try {
    let tried = 0
    for (const schedule of schedules(values.theme ?? mutant.theme, mutant.outageMillis)) {
      const { findings } = await runSchedule(schedule, services, planted.root)
      tried++
      if (findings.length === 0) continue
      console.log(`caught: ${mutant.name}: after ${tried} schedules, by ${describeSchedule(schedule)}`)
      for (const finding of findings.slice(0, 3)) console.log(`  ${finding}`)
      return true
    }
    console.log(`MISSED: ${mutant.name}: ${tried} schedules found nothing`)
    return false
  } finally {
    planted.remove()
  }
}

const huntAll = async (services: Services): Promise<boolean> => {
  let caught = true
  for (const mutant of mutants.filter(({ name }) => name.startsWith(values.mutant))) {
    caught = (await hunt(services, mutant)) && caught
  }
  return caught
}

const withAll = () =>
  withServices((services) => {
    console.log(`${services.nats.origin}; ${services.postgres.origin}`)
    return values.mutants ? huntAll(services) : runAll(services)
  })

const runAsked = () => {
  if (values["crash-points"]) return runPoints(ROOT, { only: values.only, jobs: Number(values.jobs) })
  return values["suite-mutants"] ? huntBySuites(ROOT, values.mutant) : withAll()
}

process.exitCode = (await runAsked()) ? 0 : 1
