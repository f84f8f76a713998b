import {
  type Aggregates,
  type AggregateStatus,
  type BoundQuestion,
  everyMillis,
  type RawRow,
  superviseLoop
} from "@millrace/core"
import { Effect, Semaphore } from "effect"
import { AnswerCache, type Statement } from "../AnswerCache.ts"
import type { Connection } from "../client.ts"
import type { defaults } from "../config.ts"
import { loadFailed } from "../errors.ts"
import type { Sharing } from "../databaseFile.ts"
import { Activities, type Lend } from "./Activities.ts"
import { build, type Builder, startOver } from "./build.ts"
import { check, checkAndRest } from "./selfCheck.ts"

interface AggregateTools {
  readonly sharing: Sharing
  readonly state: AggregateStatus["state"]
  readonly writer: Connection
  /** Held by every write. */
  readonly writing: Semaphore.Semaphore
  readonly ask: Lend
  readonly bounds: typeof defaults
}

const BYTES_PER_MEGABYTE = 1024 * 1024
const RETRY_BUILD = { retryMillis: 10_000, maxRetryMillis: 10_000 }

/** What is loaded from now on is not recorded, so a later process has to begin anew. */
const ALL_PENDING = "UPDATE activity_state SET pending_from = 0"

/** What a warehouse answers from sets with, and what keeps them right for as long as the scope lives. */
export const makeAggregates = Effect.fnUntraced(function* (tools: AggregateTools) {
  const { ask, bounds, writer, writing } = tools
  const state = bounds.activityMegabytes > 0 ? tools.state : "off"
  if (state === "off") {
    yield* writing.withPermit(Effect.mapError(writer.rows(ALL_PENDING), loadFailed("open")))
  }
  const kept = new AnswerCache<"events">(bounds.keptAnswers)
  const activities = new Activities({
    state,
    maxBytes: bounds.activityMegabytes * BYTES_PER_MEGABYTE,
    onChange: kept.forget,
    isShared: tools.sharing.isShared,
    writer,
    ask
  })
  tools.sharing.onShared(() => activities.forget())
  const builder: Builder = { activities, writer, writing }
  const building = yield* Semaphore.make(1)
  const checker = {
    activities,
    lend: ask,
    distrust: writing.withPermit(Effect.asVoid(writer.rows("UPDATE activity_state SET trusted = false")))
  }
  if (state === "building") {
    yield* superviseLoop(
      { name: "aggregates", ...RETRY_BUILD },
      Effect.as(building.withPermit(build(builder)), undefined)
    )
  }
  if (bounds.selfCheckIntervalMillis > 0) {
    const interval = bounds.selfCheckIntervalMillis
    yield* superviseLoop(everyMillis("self-check", interval), checkAndRest(checker, interval))
  }
  const aggregates: Aggregates["Service"] = {
    status: Effect.sync(() => activities.status),
    rebuild:
      state === "off"
        ? Effect.void
        : building.withPermit(
            Effect.andThen(startOver(builder), build(builder)).pipe(Effect.mapError(loadFailed("rebuild")))
          ),
    check: check(checker)
  }
  /** Raw rows of the question that the statement asks; undefined where it has to be run. */
  const answer = (
    question: BoundQuestion<unknown>,
    statement: Statement
  ): Effect.Effect<ReadonlyArray<RawRow> | undefined> => {
    const activity = question.activity?.()
    if (activity === undefined) return Effect.succeed(undefined)
    const rows = Effect.flatMap(activities.answer(question.project_id, activity), (found) =>
      found === undefined ? Effect.fail("events" as const) : Effect.succeed(found)
    )
    return Effect.catch(kept.through(statement, rows), () => Effect.succeed(undefined))
  }
  return { activities, aggregates, answer }
})
