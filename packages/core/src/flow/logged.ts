import { Clock, Effect } from "effect"
import type { EventBatch } from "../event/EventBatch.ts"

/** Where a piece of background work stands; each of its log lines says so. */
export type Stage = "store" | "etl"

export interface Work {
  readonly stage: Stage
  readonly batches: ReadonlyArray<EventBatch>
  /** 1 on the first. */
  readonly attempt?: number
}

/** Names for log lines: `batch_id` is the first message's position in the queue, `project_id` stands where it is one. */
const fieldsOf = ({ attempt, batches, stage }: Work): Readonly<Record<string, unknown>> => {
  const [first] = batches
  const batch_id = first?.origin === undefined ? {} : { batch_id: String(first.origin.position) }
  const isOne = first !== undefined && batches.every(({ project_id }) => project_id === first.project_id)
  return {
    stage,
    ...batch_id,
    ...(isOne ? { project_id: first.project_id } : {}),
    ...(attempt === undefined ? {} : { attempt }),
    count: batches.reduce((sum, { count }) => sum + count, 0)
  }
}

/**
 * Says how a piece of work ended: a failure and what it set aside as a warning, a repeated attempt that succeeded as
 * information, everything else for those who debug. `duration_s` is the work's own.
 */
export const logged =
  (work: Work) =>
  <A extends { readonly deadLettered: number }, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.flatMap(Clock.Clock, (clock) => {
      const start = clock.monotonicTimeNanosUnsafe()
      const say = <B>(line: Effect.Effect<B>) =>
        Effect.annotateLogs(line, {
          ...fieldsOf(work),
          duration_s: Number(clock.monotonicTimeNanosUnsafe() - start) / 1e9
        })
      return effect.pipe(
        Effect.tap((report) => Effect.suspend(() => say(succeeded(work, report.deadLettered)))),
        Effect.tapError((error) => Effect.suspend(() => say(Effect.logWarning("it failed and is tried again", error))))
      )
    })

const succeeded = ({ attempt = 1 }: Work, deadLettered: number) => {
  if (deadLettered > 0) {
    return Effect.annotateLogs(Effect.logWarning("events were set aside as dead letters"), { count: deadLettered })
  }
  return attempt > 1 ? Effect.logInfo("done at a repeated attempt") : Effect.logDebug("done")
}
