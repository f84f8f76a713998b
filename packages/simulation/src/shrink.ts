import { type Plan, smallerThan } from "./Plan.ts"
import { runPlan } from "./runPlan.ts"

const ATTEMPTS = 400

/** The smallest plan that is found to fail as well. */
export const shrink = async (failing: Plan): Promise<Plan> => {
  let smallest = failing
  for (let attempts = 0; attempts < ATTEMPTS;) {
    let smaller: Plan | undefined
    for (const plan of smallerThan(smallest)) {
      if (++attempts > ATTEMPTS) break
      if ((await runPlan(plan)).findings.length === 0) continue
      smaller = plan
      break
    }
    if (smaller === undefined) return smallest
    smallest = smaller
  }
  return smallest
}
