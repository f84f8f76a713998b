import { isDeepStrictEqual } from "node:util"
import {
  type Ask,
  ask,
  type CountingName,
  countingNames,
  decodeParams,
  type MetricName,
  metrics,
  parametersIn,
  type RawParams,
  render,
  type RowOf
} from "@millrace/core"
import { Clock, Effect, Random, Result } from "effect"
import { dialectOf, type DialectOptions } from "../dialect.ts"
import type { Connection } from "../client.ts"
import type { DriverFailure } from "../errors.ts"
import type { Activities, Lend } from "./Activities.ts"
import { answerFromSets, answerNow, snapshot } from "./answerFromSets.ts"

interface Checker {
  readonly activities: Activities
  readonly lend: Lend
  /** Writes down that the aggregates are not to be used. */
  readonly distrust: Effect.Effect<void, DriverFailure>
}

/** Checks take at most this part of the time, however large the warehouse is. */
const SHARE = 1 / 50

/** Returns how long to rest before the next. */
export const checkAndRest = Effect.fnUntraced(function* (checker: Checker, intervalMillis: number) {
  const start = yield* Clock.currentTimeMillis
  yield* check(checker)
  return Math.max(intervalMillis, ((yield* Clock.currentTimeMillis) - start) / SHARE)
})

/** One random question by sets and from the events, at one snapshot; undefined where there is nothing to compare. */
export const check = Effect.fn("DuckDb.check")(function* ({ activities, distrust, lend }: Checker) {
  if (!activities.usable) return undefined
  const chosen = yield* randomQuestion(lend)
  const activity = chosen?.question.activity?.()
  if (chosen === undefined || activity === undefined) return undefined
  const { reader } = activities
  // Read first, so that the snapshot below is taken in no time.
  yield* answerFromSets(reader, chosen.question.project_id, activity)
  const answers = yield* lend("answer", (connection) =>
    Effect.gen(function* () {
      const bySets = yield* reader.gate.withPermit(
        Effect.map(snapshot(connection), () =>
          activities.usable ? answerNow(reader.store, chosen.question.project_id, activity) : undefined
        )
      )
      if (bySets?._tag !== "Rows") return undefined
      return [chosen.question.shape(bySets.rows), yield* scan(connection, chosen.question)] as const
    }).pipe(Effect.ensuring(Effect.ignore(connection.rows("ROLLBACK"))))
  )
  if (answers === undefined) return undefined
  const agreed = isDeepStrictEqual(answers[0], answers[1])
  activities.checked(agreed)
  if (!agreed) {
    activities.enter("mismatched")
    yield* Effect.logError(
      `aggregates differ from the events for ${chosen.title}; answers come from the events until \`millrace rebuild\``
    )
    yield* distrust.pipe(Effect.catch((error) => Effect.logWarning("this could not be written down", error)))
  }
  return agreed
})

/** As the events themselves have it. */
const RAW: DialectOptions = { merged: true, hot: new Map(), onProperty: () => undefined }

const scan = <Row>(connection: Connection, question: Ask<Row>) => {
  const { text, values } = render(question.sql(dialectOf(RAW)), (position) => `$${position}`)
  return Effect.map(connection.rows(text, values), question.shape)
}

/** One series weighs as much as another, so that every project has its turn. */
const PICK_SERIES = `
  SELECT encode(project_id) AS project_id, encode(event_type) AS event_type FROM activity_series
  USING SAMPLE 1 ROWS`

const READ_QUARTERS = `
  SELECT MIN(quarter) AS earliest, MAX(quarter) AS latest FROM activity
  WHERE series IN (SELECT number FROM activity_series WHERE project_id = $1)`

const randomQuestion = Effect.fnUntraced(function* (lend: Lend) {
  const [picked] = yield* lend("answer", (connection) => connection.rows(PICK_SERIES))
  if (picked === undefined) return undefined
  const project_id = String(picked["project_id"])
  const [quarters] = yield* lend("answer", (connection) => connection.rows(READ_QUARTERS, [project_id]))
  const { earliest, latest } = quarters ?? {}
  if (typeof earliest !== "number" || typeof latest !== "number") return undefined
  const to = yield* Random.nextIntBetween(
    Math.floor(earliest / QUARTERS_PER_DAY),
    Math.floor(latest / QUARTERS_PER_DAY)
  )
  const from = Math.max(0, to - (yield* Random.nextIntBetween(0, DAYS_MAX)))
  const about = { from: dateOf(from), to: dateOf(to), event_type: String(picked["event_type"]) }
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const metric = yield* oneOf(METRICS)
    const params = yield* randomParams(metric, about)
    const question = questionOf(metric, params, project_id)
    // What an event was named stays out of the log.
    const shown = Object.values(params).map((text) => (text === about.event_type ? "one type" : text))
    if (question?.activity?.() !== undefined) return { question, title: `${metric} ${shown.join(" ")}` }
  }
  return undefined
})

/** Undefined where the parameters do not go together. */
const questionOf = <Name extends MetricName>(
  metric: Name,
  params: RawParams,
  project_id: string
): Ask<RowOf<Name>> | undefined =>
  Result.match(decodeParams(metric, params), {
    onSuccess: (decoded) => ask(metrics[metric], decoded, { project_id, as_of: 0 }),
    onFailure: () => undefined
  })

const METRICS = countingNames.filter((name) => metrics[name].activity !== undefined)
/** Of parameters by chance, some do not go together and some ask for more than sets of users hold. */
const ATTEMPTS_MAX = 20
const ZONES = [
  "UTC",
  "UTC",
  "Europe/Berlin",
  "America/New_York",
  "Asia/Kolkata",
  "Asia/Kathmandu",
  "Pacific/Chatham"
] as const
const QUARTERS_PER_DAY = 96
const DAYS_MAX = 92

const dateOf = (day: number) => new Date(day * 86_400_000).toISOString().slice(0, 10)

const oneOf = <Thing>(things: ReadonlyArray<Thing>) =>
  Effect.map(Random.nextIntBetween(0, things.length, { halfOpen: true }), (index) => things[index]!)

interface About {
  readonly from: string
  readonly to: string
  readonly event_type: string
}

const randomParams = Effect.fnUntraced(function* (metric: CountingName, about: About) {
  const given: Record<string, string> = {}
  let day: string | undefined = about.from
  for (const { kind, name, values = [] } of parametersIn(metrics[metric].params)) {
    if (kind === "date" && day !== undefined) {
      given[name] = day
      day = day === about.from ? about.to : undefined
    }
    if (kind === "zone") given[name] = yield* oneOf(ZONES)
    if (kind === "choice") given[name] = yield* oneOf(values)
    if (kind === "flag") given[name] = String(yield* Random.nextBoolean)
    if (kind === "event-type" && (yield* Random.nextBoolean)) given[name] = about.event_type
  }
  return given
})
