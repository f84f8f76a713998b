import type { Outcome } from "./runSchedule.ts"
import { describeSchedule } from "./Schedule.ts"

/** One line for one schedule; what is wrong on lines of its own. */
export const lineOf = ({ figures, findings, schedule }: Outcome): string => {
  const answers = Object.entries(figures.answers).map(([status, count]) => `${status}×${count}`)
  const counted = `${figures.acknowledged} acknowledged of ${figures.sent}, ${figures.rows} rows`
  const rest = `${figures.deadLettered} dead letters, answers ${answers.join(" ")}, ${figures.observations} looks, ${figures.seconds} s`
  const verdict = findings.length === 0 ? "ok" : "FAILED"
  return [
    `${verdict} ${describeSchedule(schedule)}: ${counted}, ${rest}`,
    ...findings.map((finding) => `  ${finding}`)
  ].join("\n")
}

export const totalOf = (outcomes: ReadonlyArray<Outcome>): string => {
  const sum = (of: (outcome: Outcome) => number) => outcomes.reduce((total, outcome) => total + of(outcome), 0)
  const kinds = new Map<string, number>()
  for (const { schedule } of outcomes) {
    for (const fault of schedule.faults) {
      const name = !("target" in fault) ? fault.kind : `${fault.kind} ${fault.target}`
      kinds.set(name, (kinds.get(name) ?? 0) + 1)
    }
  }
  const failed = outcomes.filter(({ findings }) => findings.length > 0).map(({ schedule }) => schedule.seed)
  const faults = [...kinds]
    .map(([name, count]) => `${name} ×${count}`)
    .toSorted((left, right) => (left < right ? -1 : 1))
  return [
    `${outcomes.length} schedules, ${failed.length} failed${failed.length === 0 ? "" : `: seeds ${failed.join(", ")}`}`,
    `faults: ${faults.join(", ")}`,
    `${sum(({ figures }) => figures.acknowledged)} events acknowledged, ${sum(({ figures }) => figures.rows)} counted, ` +
      `${sum(({ figures }) => figures.deadLettered)} dead letters replayed, ${sum(({ figures }) => figures.observations)} looks while it ran`
  ].join("\n")
}
