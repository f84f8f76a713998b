import { Clock, Console, DateTime, Effect, Option, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import { CliFailure, WrongUsage } from "../CliFailure.ts"
import {
  ActiveUsersAnswer,
  renderActiveUsers,
  renderRetention,
  renderTopEvents,
  RetentionAnswer,
  TopEventsAnswer
} from "../render/stats.ts"
import { type Style, styleOf } from "../render/Style.ts"
import { failureOf, type Target } from "../target/Target.ts"
import { withTarget } from "../target/withTarget.ts"
import { json, place, type PlaceFlags } from "./flags.ts"

type Parameters = Readonly<Record<string, Option.Option<string> | string>>

const text = (name: string, metavar: string, description: string) =>
  Flag.String(name).pipe(Flag.optional, Flag.withMetavar(metavar), Flag.withDescription(description))

const tz = text("tz", "ZONE", "IANA time zone in which dates are read (default: UTC)")
const range = {
  from: text("from", "DATE", "First day, YYYY-MM-DD (default: 29 days before --to)"),
  to: text("to", "DATE", "Last day, included (default: today)"),
  tz
}
const interval = (choices: string, initial: string) => text("interval", "NAME", `${choices} (default: ${initial})`)
const weekStart = text("week-start", "DAY", "monday or sunday (default: monday)")

/** Today in the zone; an unknown zone is left to the server, which names the field. */
const today = Effect.fnUntraced(function* (given: Option.Option<string>) {
  const now = DateTime.makeUnsafe(yield* Clock.currentTimeMillis)
  const local = Option.flatMap(given, (zone) => DateTime.setZoneNamed(now, zone))
  return Option.match(local, { onNone: () => DateTime.formatIsoDateUtc(now), onSome: DateTime.formatIsoDate })
})

const daysBefore = (date: string, days: number): string => {
  const millis = Date.parse(`${date}T00:00:00Z`)
  return Number.isNaN(millis) ? date : new Date(millis - days * 86_400_000).toISOString().slice(0, 10)
}

const RANGE_DAYS = 30
const COHORT_WEEKS = 8

const withRange = Effect.fnUntraced(function* (flags: {
  readonly from: Option.Option<string>
  readonly to: Option.Option<string>
  readonly tz: Option.Option<string>
}) {
  const to = Option.isSome(flags.to) ? flags.to.value : yield* today(flags.tz)
  const from = Option.getOrElse(flags.from, () => daysBefore(to, RANGE_DAYS - 1))
  return { from, to, tz: flags.tz }
})

/** A refused parameter is wrong usage, whoever refuses it. */
const askFor = Effect.fnUntraced(function* (target: Target, metric: string, parameters: Parameters) {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters)) {
    const given = typeof value === "string" ? value : Option.getOrUndefined(value)
    if (given !== undefined) query.set(name, given)
  }
  const answer = yield* target.send({ method: "GET", path: `/stats/${metric}?${query.toString()}` })
  if (answer.status === 422) return yield* new WrongUsage({ message: failureOf(target, answer).message })
  if (answer.status !== 200) return yield* failureOf(target, answer)
  return answer.text
})

interface Shown<Answer> {
  readonly schema: Schema.Decoder<Answer>
  readonly render: (answer: Answer, style: Style) => ReadonlyArray<string>
}

const show = <Answer>(
  flags: PlaceFlags & { readonly json: boolean },
  metric: string,
  parameters: Parameters,
  { render, schema }: Shown<Answer>
) =>
  withTarget(flags, (target) =>
    Effect.gen(function* () {
      const body = yield* askFor(target, metric, parameters)
      if (flags.json) return yield* Console.log(body)
      const answer = yield* Schema.decodeUnknownEffect(schema)(body).pipe(
        Effect.mapError(
          () => new CliFailure({ message: `${target.name} gave an answer that this version does not know` })
        )
      )
      const style = yield* Effect.sync(() => styleOf(process.stdout, process.env))
      yield* Console.log(render(answer, style).join("\n"))
    })
  )

const rolling = Flag.Boolean("rolling").pipe(
  Flag.withDefault(false),
  Flag.withDescription("Also the users of the 7 and 30 days that end with each day")
)
const rollingOf = (flag: boolean): Parameters => (flag ? { rolling: "true" } : {})

const dau = Command.make("dau", { ...range, rolling, json, ...place }, (flags) =>
  Effect.gen(function* () {
    const parameters = { ...(yield* withRange(flags)), ...rollingOf(flags.rolling) }
    yield* show(flags, "dau", parameters, { schema: ActiveUsersAnswer, render: renderActiveUsers })
  })
).pipe(Command.withDescription("Daily active users: distinct users per day, with a bar"))

const activeUsers = Command.make(
  "active-users",
  { ...range, interval: interval("hour, day, week or month", "day"), weekStart, rolling, json, ...place },
  (flags) =>
    Effect.gen(function* () {
      const parameters = {
        ...(yield* withRange(flags)),
        interval: flags.interval,
        week_start: flags.weekStart,
        ...rollingOf(flags.rolling)
      }
      yield* show(flags, "active-users", parameters, { schema: ActiveUsersAnswer, render: renderActiveUsers })
    })
).pipe(Command.withDescription("Distinct users per hour, day, week or month"))

const topEvents = Command.make(
  "top-events",
  { ...range, limit: text("limit", "N", "1–1000 (default: 10)"), json, ...place },
  (flags) =>
    Effect.gen(function* () {
      const parameters = { ...(yield* withRange(flags)), limit: flags.limit }
      yield* show(flags, "top-events", parameters, { schema: TopEventsAnswer, render: renderTopEvents })
    })
).pipe(Command.withDescription("The most frequent event types, with their users"))

const retention = Command.make(
  "retention",
  {
    startDate: text("start-date", "DATE", "A day of the first cohort's interval (default: 8 weeks ago)"),
    endDate: text("end-date", "DATE", "A day of the last cohort's interval (default: the last with any event)"),
    windows: text("windows", "N", "Cells per cohort, 1–366 (default: 8)"),
    interval: interval("day, week or month", "week"),
    weekStart,
    tz,
    startEvent: text("start-event", "TYPE", "The event that puts a user into a cohort (default: any)"),
    returnEvent: text("return-event", "TYPE", "The event that counts as coming back (default: any)"),
    mode: text("mode", "NAME", "first-ever or recurring (default: first-ever)"),
    measure: text("measure", "NAME", "on or on-or-after (default: on)"),
    bucket: text("bucket", "NAME", "calendar or rolling (default: calendar)"),
    json,
    ...place
  },
  (flags) =>
    Effect.gen(function* () {
      const parameters = {
        start_date:
          Option.getOrElse(flags.startDate, () => undefined) ?? daysBefore(yield* today(flags.tz), COHORT_WEEKS * 7),
        end_date: flags.endDate,
        windows: flags.windows,
        interval: flags.interval,
        week_start: flags.weekStart,
        tz: flags.tz,
        start_event: flags.startEvent,
        return_event: flags.returnEvent,
        mode: flags.mode,
        measure: flags.measure,
        bucket: flags.bucket
      }
      yield* show(flags, "retention", parameters, { schema: RetentionAnswer, render: renderRetention })
    })
).pipe(Command.withDescription("Per cohort of users, how many come back, as a heat map"))

export const stats = Command.make("stats").pipe(
  Command.withDescription("Ask for statistics"),
  Command.withSubcommands([dau, activeUsers, topEvents, retention]),
  Command.withExamples([
    {
      command: "millrace stats dau --from 2026-01-01 --to 2026-01-31 --tz Europe/Berlin",
      description: "A month of daily users"
    },
    {
      command: "millrace stats retention --interval month --data ./data",
      description: "Monthly cohorts, straight from a folder"
    }
  ])
)
