import { Effect, Schema, SchemaTransformation } from "effect"
import { BreakdownValue } from "./breakdown/values.ts"
import { readScalar, writeScalar } from "./breakdown/scalar.ts"
import { dateOfDay, dayOfDate } from "./calendar/interval.ts"
import { timeBuckets, type TimelineParams } from "./calendar/timeline.ts"
import { isZone } from "./calendar/zone.ts"
import { EventType, EventTypeOfRow, FieldName, FilterText, PropertyName, StepsText, text } from "./fieldParams.ts"
import { type About, about } from "./Parameter.ts"

/** The longest `from`–`to` (or `start_date`–`end_date`), both days counted. */
export const RANGE_MAX_DAYS = 3_660

const DATE = /^(?:19[7-9]\d|20\d\d|2100)-\d{2}-\d{2}$/u

const isCalendarDate = (value: string): boolean =>
  DATE.test(value) && Number.isFinite(dayOfDate(value)) && dateOfDay(dayOfDate(value)) === value

/** `YYYY-MM-DD`, a real date from 1970 to 2100; stays text. */
export const CalendarDate = text(
  (value) => (isCalendarDate(value) ? undefined : "must be a calendar date between 1970 and 2100, like 2026-01-31"),
  { format: "date", description: "A local calendar date." }
)

const Zone = text((value) => (isZone(value) ? undefined : "must be an IANA time zone, like Europe/Paris"), {
  description: "IANA name of the zone in which dates are read."
})

const choices = <const Values extends ReadonlyArray<string>>(values: Values) =>
  Schema.Literals(values).annotate({ message: `must be one of ${values.join(", ")}` })

const bool = choices(["true", "false"]).pipe(
  Schema.decodeTo(
    Schema.Boolean,
    SchemaTransformation.transform({
      decode: (value: "true" | "false") => value === "true",
      encode: (value: boolean) => (value ? "true" : "false")
    })
  )
)

const whole = (minimum: number, maximum: number) =>
  text(
    (value) =>
      /^\d{1,7}$/u.test(value) && Number(value) >= minimum && Number(value) <= maximum
        ? undefined
        : `must be a whole number from ${minimum} to ${maximum}`,
    { description: `A whole number from ${minimum} to ${maximum}.` }
  ).pipe(
    Schema.decodeTo(
      // The bounds again: of the number itself the text's rules say nothing, and the document would allow any.
      Schema.Int.check(Schema.isBetween({ minimum, maximum })),
      SchemaTransformation.transform({
        decode: (value: string) => Number(value),
        encode: (value: number) => String(value)
      })
    )
  )

const VALUE_MAX_CHARACTERS = 65_536
const USER_ID_MAX_CHARACTERS = 256

const UserId = text(
  (value) => {
    const length = [...value].length
    return length >= 1 && length <= USER_ID_MAX_CHARACTERS && !value.includes("\0") && value.isWellFormed()
      ? undefined
      : `must be 1 to ${USER_ID_MAX_CHARACTERS} characters long`
  },
  { description: "The last user of the page before." }
)

const ValueText = text((value) => (value.length <= VALUE_MAX_CHARACTERS ? undefined : "is too long"), {
  description: 'The breakdown of the row, or a value that $other holds: pro, 1, true; the text 1 in quotes: "1".'
}).pipe(Schema.decodeTo(BreakdownValue, SchemaTransformation.transform({ decode: readScalar, encode: writeScalar })))

/** A parameter that may be absent. What is said of it stands on what it is when it is there. */
const optional = <S extends Schema.Constraint>(schema: S, what: About) => Schema.optional(about(schema, what))

/** A parameter that has a value when it is left out. */
export const defaulted = <S extends Schema.Constraint>(schema: S, initial: S["Encoded"] & string) =>
  about(Schema.withDecodingDefault<S>(Effect.succeed(initial))(schema), { initial })

/** One of some words, the first where none is given. */
export const choice = <const Values extends readonly [string, ...ReadonlyArray<string>]>(values: Values) =>
  choiceOr(values, values[0])

/** The same with another default. */
export const choiceOr = <const Values extends ReadonlyArray<string>>(values: Values, initial: Values[number]) =>
  about(defaulted(choices(values), initial as never), { kind: "choice", values })

export const flag = (initial: boolean) => about(defaulted(bool, initial ? "true" : "false"), { kind: "flag" })

export const integer = (minimum: number, maximum: number) =>
  about(whole(minimum, maximum), { kind: "integer", minimum, maximum })

export const integerOr = (minimum: number, maximum: number, initial: number) =>
  about(defaulted(whole(minimum, maximum), String(initial)), { kind: "integer", minimum, maximum })

/** How many rows at most. */
export const limit = (initial: number) => about(integerOr(1, 1_000, initial), { kind: "limit" })

/** `YYYY-MM-DD`, required. */
export const date = about(CalendarDate, { kind: "date" })
export const optionalDate = (help: string) => optional(CalendarDate, { kind: "date", help })
export const from = about(date, {
  help: "First day, YYYY-MM-DD",
  assumed: { days: 29, before: "to", says: "29 days before --to" }
})
export const to = about(date, { help: "Last day, included", assumed: { days: 0, says: "today" } })
export const tz = about(defaulted(Zone, "UTC"), { kind: "zone", help: "IANA time zone in which dates are read" })
export const interval = choiceOr(["hour", "day", "week", "month"], "day")
export const dateInterval = choice(["day", "week", "month"])
export const weekStart = about(choice(["monday", "sunday"]), { placeholder: "DAY" })
export const steps = about(StepsText, {
  kind: "steps",
  help: "An event type or a filter; give it once for each step, in order"
})
export const property = (help: string) => optional(PropertyName, { kind: "property", help })
export const optionalEventType = (help: string) =>
  optional(EventType, { kind: "event-type", help: `${help} (default: any)` })
/** Type of the events that are counted. */
export const countedType = optional(EventType, {
  kind: "event-type",
  help: "Count events of this type alone (default: any)",
  isHeading: true
})

/** Parameters that every metric takes. */
export const common = {
  breakdown: optional(FieldName, {
    kind: "field",
    help: "event_type or properties.<name>: the same for each value"
  }),
  breakdown_of: about(choice(["event", "user"]), { help: "event: its own value; user: the user's latest" }),
  where: optional(FilterText, {
    kind: "filter",
    help: 'Count these events alone, like: event_type = "buy" and properties.amount >= 10'
  })
}

/** The page of a listing of users. */
const page = {
  breakdown_value: optional(ValueText, {
    kind: "value",
    help: "The row's value, with --breakdown: pro, 1, true; the text 1: '\"1\"'"
  }),
  limit: about(limit(100), { help: "Users at once, 1–1000" }),
  after: optional(UserId, {
    kind: "user",
    help: "Go on after this user, the last of the page before"
  })
}

/** What every listing of a cell's users takes, besides the metric's own parameters; goes with {@link valueCheck}. */
export const listed = { ...common, ...page }

/** The names of those that {@link page} adds. */
export const PAGE: ReadonlySet<string> = new Set(Object.keys(page))

export const cellDate = about(
  text((value) => (value.length <= 25 ? undefined : "must be the date of a row"), {
    description: "The date of the row."
  }),
  { kind: "row-date", help: "The row's date" }
)
export const eventType = about(EventTypeOfRow, { kind: "event-type", help: "The row's event type" })
export const stepName = about(
  text((value) => (value.length <= VALUE_MAX_CHARACTERS ? undefined : "is too long"), {
    description: "As the row has it."
  }),
  { kind: "name" }
)

/** A row of an answer that is broken down has a value, another has none. */
export const valueCheck = Schema.makeFilter(
  (params: { readonly breakdown?: unknown; readonly breakdown_value?: unknown }) =>
    (params.breakdown === undefined) === (params.breakdown_value === undefined)
      ? undefined
      : {
          path: ["breakdown_value"],
          issue: params.breakdown === undefined ? "has no use without breakdown" : "is required with breakdown"
        }
)

/** The cell's date must be that of a row. */
export const dateCheck = Schema.makeFilter((params: TimelineParams & { readonly date: string }) =>
  isRowDate(params) ? undefined : NO_ROW
)
export const NO_ROW = { path: ["date"], issue: "must be the date of a row in the range" }
export const isRowDate = (params: TimelineParams & { readonly date: string }): boolean =>
  timeBuckets(params, 0).some((bucket) => bucket.date === params.date)

/** Local dates, `from` to `to`; goes with {@link rangeCheck}. */
export const range = { from, to, tz }
/** {@link range}, and the intervals it is cut into. */
export const timeline = { ...range, interval, week_start: weekStart }
/** {@link timeline} without hours. */
export const dateTimeline = { ...timeline, interval: dateInterval }

/** Both ends inclusive; an issue on `fromField` when they are reversed or too far apart. */
export const rangeIssue = (fromDate: string, toDate: string, fromField: string, toField: string) => {
  const days = dayOfDate(toDate) - dayOfDate(fromDate) + 1
  if (days < 1) return { path: [fromField], issue: `must not be after ${toField}` }
  if (days > RANGE_MAX_DAYS)
    return { path: [fromField], issue: `must be at most ${RANGE_MAX_DAYS} days before ${toField}` }
  return undefined
}

export const rangeCheck = Schema.makeFilter((params: { readonly from: string; readonly to: string }) =>
  rangeIssue(params.from, params.to, "from", "to")
)
