import { Effect, type Semaphore } from "effect"
import type { Connection } from "../client.ts"
import { inTransaction } from "../migrate.ts"
import type { Activities } from "./Activities.ts"
import { dropRecorded, record } from "./record.ts"

export interface Builder {
  readonly activities: Activities
  readonly writer: Connection
  /** Held by every write. */
  readonly writing: Semaphore.Semaphore
}

const HOUR_MICROS = 3_600_000_000n

/** Events recorded in one transaction: about half a second, in which no page is loaded. */
const EVENTS_PER_STEP = 250_000

const READ_PENDING = "SELECT pending_from FROM activity_state"

const COUNT_BY_HOUR = `
  SELECT epoch_us(occurred_at) // ${HOUR_MICROS} AS hour, COUNT(*) AS events FROM events
  WHERE occurred_at >= make_timestamp($1) GROUP BY hour ORDER BY hour`

const OF_STEP = "events WHERE occurred_at >= make_timestamp($1) AND occurred_at < make_timestamp($2)"

/** Records every event that is still to be; in time order, so that it goes on where another process left off. */
export const build = Effect.fn("DuckDb.build")(function* ({ activities, writer, writing }: Builder) {
  const [state] = yield* writing.withPermit(writer.rows(READ_PENDING))
  const pending = state?.["pending_from"]
  if (typeof pending === "bigint") {
    const hours = yield* writing.withPermit(writer.rows(COUNT_BY_HOUR, [pending]))
    for (const [from, until] of stepsOf(pending, hours)) {
      yield* writing.withPermit(inTransaction(writer, recordStep(writer, from, until)))
    }
  }
  yield* writing.withPermit(
    Effect.andThen(
      writer.rows("UPDATE activity_state SET pending_from = NULL"),
      Effect.sync(() => activities.enter("ready"))
    )
  )
})

const recordStep = Effect.fnUntraced(function* (writer: Connection, from: bigint, until: bigint) {
  yield* record(writer, { from: OF_STEP, values: [from, until] })
  yield* dropRecorded(writer)
  yield* writer.rows("UPDATE activity_state SET pending_from = $1", [until])
})

/** Whole hours, so few events at a time as they allow. */
const stepsOf = (from: bigint, hours: ReadonlyArray<Readonly<Record<string, unknown>>>) => {
  const steps: Array<readonly [from: bigint, until: bigint]> = []
  let start = from
  let events = 0
  for (const row of hours) {
    events += Number(row["events"])
    if (events < EVENTS_PER_STEP) continue
    const until = (BigInt(String(row["hour"])) + 1n) * HOUR_MICROS
    steps.push([start, until])
    start = until
    events = 0
  }
  const last = hours.at(-1)
  if (events > 0 && last !== undefined) steps.push([start, (BigInt(String(last["hour"])) + 1n) * HOUR_MICROS])
  return steps
}

/** Forgets everything, in one transaction; {@link build} then begins anew. */
export const startOver = ({ activities, writer, writing }: Builder) =>
  writing.withPermit(
    activities.whileWriting(
      inTransaction(
        writer,
        Effect.gen(function* () {
          for (const table of ["activity", "activity_series", "activity_users"]) yield* writer.rows(`TRUNCATE ${table}`)
          yield* writer.rows(
            "UPDATE activity_state SET trusted = true, pending_from = (SELECT epoch_us(MIN(occurred_at)) FROM events)"
          )
          activities.enter("building")
        })
      )
    )
  )
