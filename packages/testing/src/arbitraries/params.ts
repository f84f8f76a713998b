import { Result } from "effect"
import fc from "fast-check"
import {
  type CountingName,
  decodeParams,
  type Filter,
  type Kind,
  type MetricName,
  metrics,
  type Parameter,
  parametersIn
} from "@millrace/core"
import { filter } from "./filters.ts"
import { eventType as anyEventType, PROPERTY_NAMES, userId } from "./history.ts"
import { DAY, type Moment } from "./moments.ts"

/** Parameters as they stand in a query string. */
export type Params = Readonly<Record<string, string>>

/** An event type, mostly one that histories hold. */
const eventType = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom("visit", "purchase", "sign-up") },
  { weight: 1, arbitrary: anyEventType }
)

const dateOf = (micros: number) => new Date(Math.max(0, micros) / 1000).toISOString().slice(0, 10)

/**
 * A range: both dates in order, at most `days` apart, mostly with the day itself between them: about nothing there is
 * little to ask.
 */
const rangeNear = (around: number, days: number): fc.Arbitrary<readonly [string, string]> =>
  fc
    .oneof(
      { weight: 3, arbitrary: fc.tuple(fc.integer({ min: -2, max: 0 }), fc.nat(2)) },
      { weight: 3, arbitrary: fc.tuple(fc.nat(days >> 1), fc.nat(days >> 1)).map(([back, on]) => [-back, on]) },
      {
        weight: 2,
        arbitrary: fc.tuple(fc.integer({ min: -days, max: days }), fc.nat(days)).map(([from, on]) => [from, from + on])
      }
    )
    .map(([from, to]) => [dateOf(around + from * DAY), dateOf(around + to * DAY)] as const)

const field = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom("properties.plan", "properties.sku", "properties.sku") },
  { weight: 1, arbitrary: fc.constantFrom("event_type", ...PROPERTY_NAMES.map((name) => `properties.${name}`)) }
)

const step = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom("visit", "purchase", "sign-up", "Visit", "$identify") },
  { weight: 1, arbitrary: eventType },
  { weight: 1, arbitrary: filter }
)

/** Steps mostly apart from one another, for which there is a faster way. */
const steps = fc.oneof(
  fc.uniqueArray(fc.constantFrom("visit", "purchase", "sign-up", "Visit"), { minLength: 2, maxLength: 4 }),
  fc.array(step, { minLength: 2, maxLength: 5 })
)

/** A filter; some leave next to nothing, so as many let one type through as well. */
const where: fc.Arbitrary<Filter> = fc.oneof(
  filter,
  fc.tuple(filter, eventType).map(([some, value]): Filter => ({ or: [some, { field: "event_type", op: "=", value }] }))
)

/** Values of a breakdown, mostly those that histories hold. */
const value = fc.constantFrom(
  "pro",
  "pro",
  "free",
  "$none",
  "$none",
  "$other",
  "visit",
  "s3",
  "4",
  "1",
  '"1"',
  "true",
  "0",
  ""
)

/** Numbers, small ones above all: an answer is small, and what is beyond it is all alike. */
const integer = ({ maximum = Infinity, minimum = 0 }: Parameter) =>
  fc
    .oneof(fc.integer({ min: minimum, max: minimum + 2 }), fc.integer({ min: minimum, max: minimum + 11 }))
    .map((number) => String(Math.min(number, maximum)))

/** Windows, short ones above all: what they leave out is what shows. */
const duration = fc.constantFrom("1s", "30m", "30m", "1h", "1h", "3h", "1d", "7d", "366d")

/** Dates depend on each other, and a row's on the answer: they have generators of their own. */
type Single = Exclude<Kind, "date" | "row-date">

/** Parameters that leave little to count. */
const seldom = (text: fc.Arbitrary<string>) => fc.option(text, { nil: undefined, freq: 1 })

const OF_KIND: {
  readonly [Name in Single]: (parameter: Parameter, around: Moment) => fc.Arbitrary<string | undefined>
} = {
  zone: (_, { zone }) => fc.constantFrom(zone, zone, zone, "UTC"),
  choice: ({ values = [] }) => fc.constantFrom(...values),
  flag: () => fc.constantFrom("true", "false"),
  integer,
  limit: () => fc.constantFrom("1", "2", "3", "1000", "1000"),
  duration: () => duration,
  "event-type": () => eventType,
  steps: () => steps.map((text) => JSON.stringify(text)),
  filter: () => seldom(where.map((written) => JSON.stringify(written))),
  field: () => field,
  property: () => seldom(fc.constantFrom("amount", "amount", "plan", "plan", "plan", "sku")),
  // Of events, or of what property they are named by.
  name: () => fc.oneof(eventType, fc.constantFrom("pro", "free")),
  value: () => value,
  user: () => userId
}

/** Parameters, each by itself; those without a kind are left out, which a required one cannot be. */
export const single = (parameters: ReadonlyArray<Parameter>, around: Moment): fc.Arbitrary<Params> => {
  const known = parameters.filter(({ kind }) => kind !== undefined && kind !== "date" && kind !== "row-date")
  return fc
    .record(
      Object.fromEntries(
        known.map((parameter) => [parameter.name, OF_KIND[parameter.kind as Single](parameter, around)])
      ),
      { requiredKeys: known.filter(({ required }) => required).map(({ name }) => name) }
    )
    .map((given) => Object.fromEntries(Object.entries(given).filter(([, text]) => text !== undefined)) as Params)
}

/** A first and a last day, as far apart as intervals of that length allow; what is not required may be absent. */
const dates = (parameters: ReadonlyArray<Parameter>, around: Moment, days: number): fc.Arbitrary<Params> => {
  const [first, last] = parameters.filter(({ kind }) => kind === "date")
  return fc.record({ range: rangeNear(around.micros, days), isOpen: fc.boolean() }).map(({ isOpen, range }) => ({
    ...(first === undefined ? {} : { [first.name]: range[0] }),
    ...(last === undefined || (isOpen && !last.required) ? {} : { [last.name]: range[1] })
  }))
}

const HOURS_DAYS = 2
const DAYS = 40

export const isAccepted = (metric: MetricName, params: Params): boolean =>
  Result.isSuccess(decodeParams(metric, params))

/** Valid parameters of a metric, from what its Schema says of them. */
export const paramsOf = (metric: CountingName, around: Moment): fc.Arbitrary<Params> => {
  const parameters = parametersIn(metrics[metric].params)
  return fc
    .record({
      chosen: single(parameters, around),
      short: dates(parameters, around, HOURS_DAYS),
      long: dates(parameters, around, DAYS)
    })
    .map(({ chosen, long, short }) => ({ ...(chosen["interval"] === "hour" ? short : long), ...chosen }))
    .filter((params) => isAccepted(metric, params))
}
