import { parseFilter } from "@millrace/core"
import { Effect, Option } from "effect"
import { type Command, Flag } from "effect/cli"
import type { PlaceFlags } from "../flags.ts"
import {
  common,
  commonOf,
  daysBefore,
  eventType,
  interval,
  type Parameters,
  range,
  text,
  today,
  tz,
  weekStart,
  withRange
} from "./shared.ts"

type Flags = Command.Command.Config
type Given<Asked extends Flags> = Command.Command.Config.Infer<Asked>

/** The flags that say what a metric counts, and the parameters that they give. */
export interface Asking<Asked extends Flags> {
  readonly flags: Asked
  readonly parameters: (flags: Given<Asked>) => Effect.Effect<Parameters>
}

/** What a command was given; the compiler does not see through a spread of flags that it does not know. */
export const givenOf = <Asked extends Flags>(_: Asked, all: unknown) =>
  all as Given<Asked> & PlaceFlags & { readonly json: boolean }

const asking = <const Asked extends Flags>(
  flags: Asked,
  parameters: (flags: Given<Asked>) => Effect.Effect<Parameters>
): Asking<Asked> => ({ flags, parameters })

const COHORT_WEEKS = 8

const rolling = Flag.Boolean("rolling").pipe(
  Flag.withDefault(false),
  Flag.withDescription("Also the users of the 7 and 30 days that end with each day")
)
const rollingOf = (flag: boolean): Parameters => (flag ? { rolling: "true" } : {})

export const dau = asking(
  { ...range, rolling, ...common },
  Effect.fnUntraced(function* (flags) {
    return { ...(yield* withRange(flags)), ...rollingOf(flags.rolling), ...commonOf(flags) }
  })
)

export const activeUsers = asking(
  { ...range, interval: interval("hour, day, week or month", "day"), weekStart, rolling, ...common },
  Effect.fnUntraced(function* (flags) {
    const { interval: each, weekStart: week_start } = flags
    return {
      ...(yield* withRange(flags)),
      interval: each,
      week_start,
      ...rollingOf(flags.rolling),
      ...commonOf(flags)
    }
  })
)

export const topEvents = asking(
  { ...range, limit: text("limit", "N", "1–1000 (default: 10)"), ...common },
  Effect.fnUntraced(function* (flags) {
    return { ...(yield* withRange(flags)), limit: flags.limit, ...commonOf(flags) }
  })
)

export const retention = asking(
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
    ...common
  },
  Effect.fnUntraced(function* (flags) {
    const { bucket, endDate, measure, minimumOccurrences, mode, returnEvent, startDate, startEvent, windows } = flags
    return {
      start_date: Option.getOrUndefined(startDate) ?? daysBefore(yield* today(flags.tz), COHORT_WEEKS * 7),
      end_date: endDate,
      windows,
      interval: flags.interval,
      week_start: flags.weekStart,
      tz: flags.tz,
      start_event: startEvent,
      return_event: returnEvent,
      mode,
      measure,
      bucket,
      minimum_occurrences: minimumOccurrences,
      ...commonOf(flags)
    }
  })
)

const spanned = { ...range, interval: interval("day, week or month", "day"), weekStart, eventType, ...common }

const spannedOf = Effect.fnUntraced(function* (flags: {
  readonly [Name in keyof typeof spanned]: Option.Option<string>
}) {
  const { eventType: event_type, interval: each, weekStart: week_start } = flags
  return { ...(yield* withRange(flags)), interval: each, week_start, event_type, ...commonOf(flags) }
})

export const lifecycle = asking(spanned, spannedOf)
export const stickiness = asking(spanned, spannedOf)

export const trend = asking(
  {
    ...spanned,
    interval: interval("hour, day, week or month", "day"),
    measure: text("measure", "NAME", "events, users, sum, avg, min, max, p50, p90, p95 or p99 (default: events)"),
    property: text("property", "NAME", "The numeric property that is summed, averaged …")
  },
  Effect.fnUntraced(function* (flags) {
    return { ...(yield* spannedOf(flags)), measure: flags.measure, property: flags.property }
  })
)

const step = Flag.String("step").pipe(
  Flag.atLeast(1),
  Flag.withMetavar("STEP"),
  Flag.withDescription("An event type or a filter; give it once for each step, in order")
)

/** A step that reads as a filter is one; anything else is an event type. */
const stepOf = (given: string): unknown => {
  try {
    return parseFilter(given)
  } catch {
    return given
  }
}

export const funnel = asking(
  {
    ...range,
    step,
    window: text("window", "TIME", "What an attempt may take, like 30m, 12h or 7d (default: 7d)"),
    order: text("order", "NAME", "ordered, strict or any (default: ordered)"),
    ...common
  },
  Effect.fnUntraced(function* (flags) {
    const { order, window } = flags
    const steps = JSON.stringify(flags.step.map(stepOf))
    return { ...(yield* withRange(flags)), steps, window, order, ...commonOf(flags) }
  })
)

export const paths = asking(
  {
    ...range,
    limit: text("limit", "N", "1–1000 (default: 50)"),
    property: text("property", "NAME", "Name events by this property's text instead of by their type"),
    ...common
  },
  Effect.fnUntraced(function* (flags) {
    const { limit, property } = flags
    return { ...(yield* withRange(flags)), limit, property, ...commonOf(flags) }
  })
)
