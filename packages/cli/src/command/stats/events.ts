import { Effect, type Option } from "effect"
import { Command, Flag } from "effect/cli"
import { parseFilter } from "@millrace/core"
import { FunnelAnswer, renderFunnel } from "../../render/funnel.ts"
import { LifecycleAnswer, renderLifecycle } from "../../render/lifecycle.ts"
import { PathsAnswer, renderPaths, renderStickiness, StickinessAnswer } from "../../render/tables.ts"
import { renderTrend, TrendAnswer } from "../../render/trend.ts"
import { json, place } from "../flags.ts"
import { common, commonOf, eventType, interval, range, show, text, weekStart, withRange } from "./shared.ts"

const spanned = { ...range, interval: interval("day, week or month", "day"), weekStart, eventType, ...common }

export const trend = Command.make(
  "trend",
  {
    ...spanned,
    interval: interval("hour, day, week or month", "day"),
    measure: text("measure", "NAME", "events, users, sum, avg, min, max, p50, p90, p95 or p99 (default: events)"),
    property: text("property", "NAME", "The numeric property that is summed, averaged …"),
    json,
    ...place
  },
  (flags) =>
    Effect.gen(function* () {
      const { eventType: event_type, weekStart: week_start, interval: each, measure, property } = flags
      const asked = { event_type, week_start, interval: each, measure, property }
      const parameters = { ...(yield* withRange(flags)), ...asked, ...commonOf(flags) }
      yield* show(flags, "trend", parameters, { schema: TrendAnswer, render: renderTrend })
    })
).pipe(Command.withDescription("Events, users or an aggregate of a property per interval, by a property"))

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

export const funnel = Command.make(
  "funnel",
  {
    ...range,
    step,
    window: text("window", "TIME", "What an attempt may take, like 30m, 12h or 7d (default: 7d)"),
    order: text("order", "NAME", "ordered, strict or any (default: ordered)"),
    ...common,
    json,
    ...place
  },
  (flags) =>
    Effect.gen(function* () {
      const { order, window } = flags
      const steps = JSON.stringify(flags.step.map(stepOf))
      const asked = { steps, window, order, ...commonOf(flags) }
      yield* show(
        flags,
        "funnel",
        { ...(yield* withRange(flags)), ...asked },
        { schema: FunnelAnswer, render: renderFunnel }
      )
    })
).pipe(Command.withDescription("How many users get through steps, and how long they take"))

const spannedOf = Effect.fnUntraced(function* (flags: {
  readonly [Name in keyof typeof spanned]: Option.Option<string>
}) {
  const { eventType: event_type, interval: each, weekStart: week_start } = flags
  return { ...(yield* withRange(flags)), interval: each, week_start, event_type, ...commonOf(flags) }
})

export const lifecycle = Command.make("lifecycle", { ...spanned, json, ...place }, (flags) =>
  Effect.flatMap(spannedOf(flags), (parameters) =>
    show(flags, "lifecycle", parameters, { schema: LifecycleAnswer, render: renderLifecycle })
  )
).pipe(Command.withDescription("Users new, returning, resurrecting and dormant per interval"))

export const stickiness = Command.make("stickiness", { ...spanned, json, ...place }, (flags) =>
  Effect.flatMap(spannedOf(flags), (parameters) =>
    show(flags, "stickiness", parameters, { schema: StickinessAnswer, render: renderStickiness })
  )
).pipe(Command.withDescription("Users by the number of intervals in which they were active"))

export const paths = Command.make(
  "paths",
  {
    ...range,
    limit: text("limit", "N", "1–1000 (default: 50)"),
    property: text("property", "NAME", "Name events by this property's text instead of by their type"),
    ...common,
    json,
    ...place
  },
  (flags) =>
    Effect.gen(function* () {
      const { limit, property } = flags
      const parameters = { ...(yield* withRange(flags)), limit, property, ...commonOf(flags) }
      yield* show(flags, "paths", parameters, { schema: PathsAnswer, render: renderPaths })
    })
).pipe(Command.withDescription("Which event follows which within a session"))
