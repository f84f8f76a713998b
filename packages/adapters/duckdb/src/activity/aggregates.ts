import type { Aggregates, AggregateStatus } from "@millrace/core"
import { Effect, Schedule, Semaphore } from "effect"
import type { Connection } from "../client.ts"
import type { defaults } from "../config.ts"
import { loadFailed } from "../failure.ts"
import { Activities, type Lend } from "./Activities.ts"
import { build, type Builder, startOver } from "./build.ts"
import { check, checkForEver } from "./selfCheck.ts"

export interface AggregateTools {
  readonly state: AggregateStatus["state"]
  readonly writer: Connection
  /** Held by every write. */
  readonly writing: Semaphore.Semaphore
  readonly ask: Lend
  readonly bounds: typeof defaults
}

const BYTES_PER_MEGABYTE = 1024 * 1024
const RETRY_BUILD = Schedule.spaced("10 seconds")

/** What a warehouse answers from sets with, and what keeps them right for as long as the scope lives. */
export const makeAggregates = Effect.fnUntraced(function* (tools: AggregateTools) {
  const { ask, bounds, state, writer, writing } = tools
  const activities = new Activities({ state, maxBytes: bounds.activityMegabytes * BYTES_PER_MEGABYTE, writer, ask })
  const builder: Builder = { activities, writer, writing }
  const building = yield* Semaphore.make(1)
  const checker = {
    activities,
    lend: ask,
    distrust: writing.withPermit(Effect.asVoid(writer.rows("UPDATE activity_state SET trusted = false")))
  }
  if (state === "building") {
    const attempt = Effect.tapError(build(builder), (error) =>
      Effect.logWarning("aggregates could not be built", error)
    )
    yield* Effect.forkScoped(building.withPermit(Effect.retry(attempt, RETRY_BUILD)))
  }
  if (bounds.selfCheckIntervalMillis > 0) {
    yield* Effect.forkScoped(checkForEver(checker, bounds.selfCheckIntervalMillis))
  }
  const aggregates: Aggregates = {
    status: Effect.sync(() => activities.status),
    rebuild: building.withPermit(
      Effect.andThen(startOver(builder), build(builder)).pipe(Effect.mapError(loadFailed("rebuild")))
    ),
    check: check(checker)
  }
  return { activities, aggregates }
})
