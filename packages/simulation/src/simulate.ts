import { type Plan, planOf } from "./Plan.ts"
import { runPlan } from "./runPlan.ts"
import { shrink } from "./shrink.ts"

export interface Total {
  readonly schedules: number
  readonly failed: ReadonlyArray<number>
  readonly steps: number
  /** Events. */
  readonly acknowledged: number
  readonly cpuSeconds: number
}

interface SimulateOptions {
  readonly seed: number
  readonly schedules: number
  /** Goes on after so many that fail, at most. */
  readonly failures?: number
  /** Told of each that fails. */
  readonly onFailure?: (seed: number, findings: ReadonlyArray<string>) => Promise<void>
  readonly onProgress?: (done: number) => void
}

const PROGRESS_SCHEDULES = 1_000

/** Schedules of seeds one up from the other. */
export const simulate = async (options: SimulateOptions): Promise<Total> => {
  const { failures = 1, onFailure, onProgress, schedules, seed } = options
  const before = process.cpuUsage()
  const failed: Array<number> = []
  let [steps, acknowledged, done] = [0, 0, 0]
  while (done < schedules && failed.length < failures) {
    const outcome = await runPlan(planOf(seed + done))
    steps += outcome.steps
    acknowledged += outcome.acknowledged
    if (outcome.findings.length > 0) {
      failed.push(seed + done)
      await onFailure?.(seed + done, outcome.findings)
    }
    if (++done % PROGRESS_SCHEDULES === 0) onProgress?.(done)
  }
  const { system, user } = process.cpuUsage(before)
  return { schedules: done, failed, steps, acknowledged, cpuSeconds: Math.round((user + system) / 1e6) }
}

const TRACED_CALLS = 60

/** What a plan says, the last calls that it makes, and what is wrong with them. */
const explain = async (plan: Plan): Promise<string> => {
  const lines: Array<string> = []
  const { findings } = await runPlan(plan, (line) => lines.push(line))
  return [JSON.stringify(plan), ...lines.slice(-TRACED_CALLS), ...findings].join("\n")
}

export const explainSeed = async (seed: number): Promise<string> =>
  `MILLRACE_SEED=${seed} npm run simulate\nsmallest that fails:\n${await explain(await shrink(planOf(seed)))}`
