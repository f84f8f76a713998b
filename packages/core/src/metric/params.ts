import { Effect, Schema, SchemaTransformation } from "effect"
import { BreakdownValue } from "./breakdown/values.ts"
import { readScalar, writeScalar } from "./breakdown/scalar.ts"
import { dateOfDay, dayOfDate } from "./calendar/interval.ts"
import { slotsOf, type Spanned } from "./calendar/timeline.ts"
import { WINDOW, WINDOW_MAX_MICROS, windowMicros } from "./metrics/funnel/model.ts"
import { AGGREGATES, MEASURES } from "./metrics/trend/model.ts"
import { isZone } from "./calendar/zone.ts"
import { EventType, EventTypeOfRow, FieldName, FilterText, PropertyName, StepsText, text } from "./fieldParams.ts"

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

const choice = <const Values extends ReadonlyArray<string>>(values: Values) =>
  Schema.Literals(values).annotate({ message: `must be one of ${values.join(", ")}` })

const flag = choice(["true", "false"]).pipe(
  Schema.decodeTo(
    Schema.Boolean,
    SchemaTransformation.transform({
      decode: (value: "true" | "false") => value === "true",
      encode: (value: boolean) => (value ? "true" : "false")
    })
  )
)

const integer = (min: number, max: number) =>
  text(
    (value) =>
      /^\d{1,7}$/u.test(value) && Number(value) >= min && Number(value) <= max
        ? undefined
        : `must be a whole number from ${min} to ${max}`,
    { description: `A whole number from ${min} to ${max}.` }
  ).pipe(
    Schema.decodeTo(
      // The bounds again: of the number itself the text's rules say nothing, and the document would allow any.
      Schema.Int.check(Schema.isBetween({ minimum: min, maximum: max })),
      SchemaTransformation.transform({
        decode: (value: string) => Number(value),
        encode: (value: number) => String(value)
      })
    )
  )

const Window = text(
  (value) =>
    WINDOW.test(value) && windowMicros(value) <= WINDOW_MAX_MICROS
      ? undefined
      : "must be a whole number with s, m, h or d behind it, like 7d, and 366 days at most",
  { description: "How long an attempt may take: a whole number with s, m, h or d behind it." }
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

const defaulted = <S extends Schema.Constraint>(schema: S, value: S["Encoded"]) =>
  Schema.withDecodingDefault<S>(Effect.succeed(value))(schema)

export const from = CalendarDate
export const to = CalendarDate
export const tz = defaulted(Zone, "UTC")
export const interval = defaulted(choice(["hour", "day", "week", "month"]), "day")
export const limitOfPaths = defaulted(integer(1, 1_000), "50")
export const steps = StepsText
export const window = defaulted(Window, "7d")
export const order = defaulted(choice(["ordered", "strict", "any"]), "ordered")
export const breakdownOf = defaulted(choice(["event", "user"]), "event")
export const dateInterval = defaulted(choice(["day", "week", "month"]), "day")
export const cohortInterval = defaulted(choice(["day", "week", "month"]), "week")
export const weekStart = defaulted(choice(["monday", "sunday"]), "monday")
export const limit = defaulted(integer(1, 1_000), "10")
export const windows = defaulted(integer(1, 366), "8")
export const minimumOccurrences = defaulted(integer(1, 1_000), "1")
export const rolling = defaulted(flag, "false")
export const mode = defaulted(choice(["first-ever", "recurring"]), "first-ever")
export const measure = defaulted(choice(["on", "on-or-after"]), "on")
export const bucket = defaulted(choice(["calendar", "rolling"]), "calendar")
export const measureOfTrend = defaulted(choice(MEASURES), "events")
export const optionalProperty = Schema.optional(PropertyName)
export const optionalField = Schema.optional(FieldName)
export const optionalEventType = Schema.optional(EventType)
export const where = Schema.optional(FilterText)
export const optionalDate = Schema.optional(CalendarDate)

/** What every metric takes. */
export const common = { breakdown: optionalField, breakdown_of: breakdownOf, where }

/** What every listing of a cell's users takes, besides the metric's own parameters; goes with {@link valueCheck}. */
export const listed = {
  ...common,
  breakdown_value: Schema.optional(ValueText),
  limit: defaulted(integer(1, 1_000), "100"),
  after: Schema.optional(UserId)
}
export const cellDate = text((value) => (value.length <= 25 ? undefined : "must be the date of a row"), {
  description: "The date of the row."
})
export const step = integer(1, 20)
export const cell = integer(0, 365)
export const intervals = integer(1, RANGE_MAX_DAYS)
export const eventType = EventTypeOfRow
export const stepName = text((value) => (value.length <= VALUE_MAX_CHARACTERS ? undefined : "is too long"), {
  description: "As the row has it."
})
export const returned = defaulted(flag, "true")
export const chosen = <const Values extends readonly [string, ...ReadonlyArray<string>]>(...values: Values) =>
  defaulted(choice(values), values[0] as Values[number])

/** The parameters of a funnel's attempts; goes with {@link rangeCheck}. */
export const attempts = { from, to, tz, steps, window, order }

/** The parameters of a retention table; goes with {@link cohortsCheck}. */
export const retentionTable = {
  start_date: CalendarDate,
  end_date: optionalDate,
  windows,
  interval: cohortInterval,
  week_start: weekStart,
  tz,
  start_event: optionalEventType,
  return_event: optionalEventType,
  mode,
  measure,
  bucket,
  minimum_occurrences: minimumOccurrences
}

export const cohortsCheck = Schema.makeFilter(
  ({ end_date, start_date }: { readonly start_date: string; readonly end_date?: string | undefined }) =>
    end_date === undefined ? undefined : rangeIssue(start_date, end_date, "start_date", "end_date")
)

const needsProperty: ReadonlySet<string> = new Set(AGGREGATES)

/** Aggregates are of a property; counts have no use for one. */
export const propertyCheck = Schema.makeFilter(
  (asked: { readonly measure: string; readonly property?: string | undefined }) =>
    needsProperty.has(asked.measure) === (asked.property !== undefined)
      ? undefined
      : {
          path: ["property"],
          issue: asked.property === undefined ? `is required for ${asked.measure}` : `has no use for ${asked.measure}`
        }
)

export const rollingIssue = (each: string, asked: boolean) =>
  asked && each !== "day" ? { path: ["rolling"], issue: "is possible with interval=day only" } : undefined

/** A row of an answer that is broken down has a value, another has none. */
export const valueCheck = Schema.makeFilter(
  (asked: { readonly breakdown?: unknown; readonly breakdown_value?: unknown }) =>
    (asked.breakdown === undefined) === (asked.breakdown_value === undefined)
      ? undefined
      : {
          path: ["breakdown_value"],
          issue: asked.breakdown === undefined ? "has no use without breakdown" : "is required with breakdown"
        }
)

/** The cell's date must be that of a row. */
export const dateCheck = Schema.makeFilter((asked: Spanned & { readonly date: string }) =>
  isRowDate(asked) ? undefined : NO_ROW
)
export const NO_ROW = { path: ["date"], issue: "must be the date of a row in the range" }
export const isRowDate = (asked: Spanned & { readonly date: string }): boolean =>
  slotsOf(asked, 0).some(({ date }) => date === asked.date)

/** A range of local dates, `from` to `to`, and the intervals it is cut into; goes with {@link rangeCheck}. */
export const timeline = { from, to, tz, interval, week_start: weekStart }
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

export const rangeCheck = Schema.makeFilter((range: { readonly from: string; readonly to: string }) =>
  rangeIssue(range.from, range.to, "from", "to")
)
