import fc from "fast-check"
import type { Event, Filter, MetricName } from "@millrace/core"
import { aimed, aimOf } from "./cells.ts"
import { filter } from "./filters.ts"
import { eventType, history, visits } from "./history.ts"
import { DAY, instantNear, type Moment, moment } from "./moments.ts"
import {
  activeUsersParams,
  field,
  funnelParams,
  type Params,
  pathsParams,
  rangeNear,
  retentionParams,
  spannedParams,
  topEventsParams,
  trendParams
} from "./params.ts"

export interface Question {
  readonly metric: MetricName
  readonly params: Params
  readonly as_of: number
}

/** What each metric may be asked, besides the zone, the breakdown and `where`. */
const PARAMS = {
  dau: (around) => rangeNear(around, 20),
  "active-users": activeUsersParams,
  "top-events": topEventsParams,
  retention: retentionParams,
  trend: trendParams,
  lifecycle: spannedParams,
  stickiness: spannedParams,
  funnel: funnelParams,
  paths: pathsParams
} satisfies Readonly<Record<string, (around: number) => fc.Arbitrary<Params>>>

type Counting = keyof typeof PARAMS

const LISTING = "/users"
const isListing = (metric: MetricName) => metric.endsWith(LISTING)
const countingOf = (metric: MetricName) => metric.replace(LISTING, "") as Counting

const breakdown: fc.Arbitrary<Params> = fc.oneof(
  fc.constant({}),
  fc
    .record({ breakdown: field, breakdown_of: fc.constantFrom(undefined, "event", "user") })
    .map(({ breakdown: by, breakdown_of }) => ({
      breakdown: by,
      ...(breakdown_of === undefined ? {} : { breakdown_of })
    }))
)

/** Some filters leave next to nothing: as many let one type through as well. */
const where: fc.Arbitrary<Filter> = fc.oneof(
  filter,
  fc.tuple(filter, eventType).map(([some, value]): Filter => ({ or: [some, { field: "event_type", op: "=", value }] }))
)
const narrowed: fc.Arbitrary<Params> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({}) },
  { weight: 2, arbitrary: where.map((written) => ({ where: JSON.stringify(written) })) }
)

/** Valid parameters of a metric that counts, in a zone that is up to something, or not. */
export const question = (metric: Counting, { zone, micros }: Moment): fc.Arbitrary<Question> =>
  fc
    .record({
      params: PARAMS[metric](micros) as fc.Arbitrary<Params>,
      tz: fc.constantFrom(zone, zone, zone, "UTC"),
      breakdown,
      narrowed,
      as_of: fc.oneof(instantNear(micros), fc.constant(micros + 1_000 * DAY))
    })
    .map(({ as_of, breakdown: by, narrowed: filtered, params, tz }): Question => ({
      metric,
      params: { ...params, tz, ...by, ...filtered },
      as_of
    }))

export interface Scenario {
  readonly events: ReadonlyArray<Event>
  readonly questions: ReadonlyArray<Question>
}

const ABOUT = { minLength: 1, maxLength: 4 }

/** A project's history with questions about it. */
export const scenario = (metric: MetricName): fc.Arbitrary<Scenario> => {
  const counting = countingOf(metric)
  return moment.chain((around) => {
    const events = counting === "paths" ? visits(around.micros) : history(around.micros)
    const asked = question(counting, around)
    if (!isListing(metric)) return fc.record({ events, questions: fc.array(asked, ABOUT) })
    const listing = asked.chain((about) => fc.record({ about: fc.constant(about), aim: aimOf(counting, about.params) }))
    return fc.record({ events, listings: fc.array(listing, ABOUT) }).map(({ events: all, listings }) => ({
      events: all,
      questions: listings.map(({ about, aim }) => ({ ...about, metric, params: aimed(aim, counting, about, all) }))
    }))
  })
}
