import { Effect, Option } from "effect"
import { Command, Flag } from "effect/cli"
import {
  ActiveUsersAnswer,
  renderActiveUsers,
  renderRetention,
  renderTopEvents,
  RetentionAnswer,
  TopEventsAnswer
} from "../../render/stats.ts"
import { json, place } from "../flags.ts"
import {
  common,
  commonOf,
  daysBefore,
  interval,
  type Parameters,
  range,
  show,
  text,
  today,
  tz,
  weekStart,
  withRange
} from "./shared.ts"

const COHORT_WEEKS = 8

const rolling = Flag.Boolean("rolling").pipe(
  Flag.withDefault(false),
  Flag.withDescription("Also the users of the 7 and 30 days that end with each day")
)
const rollingOf = (flag: boolean): Parameters => (flag ? { rolling: "true" } : {})

export const dau = Command.make("dau", { ...range, rolling, ...common, json, ...place }, (flags) =>
  Effect.gen(function* () {
    const parameters = { ...(yield* withRange(flags)), ...rollingOf(flags.rolling), ...commonOf(flags) }
    yield* show(flags, "dau", parameters, { schema: ActiveUsersAnswer, render: renderActiveUsers })
  })
).pipe(Command.withDescription("Daily active users: distinct users per day, with a bar"))

export const activeUsers = Command.make(
  "active-users",
  { ...range, interval: interval("hour, day, week or month", "day"), weekStart, rolling, ...common, json, ...place },
  (flags) =>
    Effect.gen(function* () {
      const parameters = {
        ...(yield* withRange(flags)),
        interval: flags.interval,
        week_start: flags.weekStart,
        ...rollingOf(flags.rolling),
        ...commonOf(flags)
      }
      yield* show(flags, "active-users", parameters, { schema: ActiveUsersAnswer, render: renderActiveUsers })
    })
).pipe(Command.withDescription("Distinct users per hour, day, week or month"))

export const topEvents = Command.make(
  "top-events",
  { ...range, limit: text("limit", "N", "1–1000 (default: 10)"), ...common, json, ...place },
  (flags) =>
    Effect.gen(function* () {
      const parameters = { ...(yield* withRange(flags)), limit: flags.limit, ...commonOf(flags) }
      yield* show(flags, "top-events", parameters, { schema: TopEventsAnswer, render: renderTopEvents })
    })
).pipe(Command.withDescription("The most frequent event types, with their users"))

export const retention = Command.make(
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
    minimumOccurrences: text("minimum-occurrences", "N", "Return events that an interval must hold (default: 1)"),
    ...common,
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
        bucket: flags.bucket,
        minimum_occurrences: flags.minimumOccurrences,
        ...commonOf(flags)
      }
      yield* show(flags, "retention", parameters, { schema: RetentionAnswer, render: renderRetention })
    })
).pipe(Command.withDescription("Per cohort of users, how many come back, as a heat map"))
