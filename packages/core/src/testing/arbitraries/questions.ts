import fc from "fast-check"
import type { Event } from "../../event/Event.ts"
import type { MetricName } from "../../metric/registry.ts"
import { cellOf } from "./cells.ts"
import { filter } from "./filters.ts"
import { history } from "./history.ts"
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

/** Valid parameters of a metric, in a zone that is up to something, or not; every other question has a filter, or a breakdown. */
export const question = (metric: MetricName, { zone, micros }: Moment): fc.Arbitrary<Question> =>
  fc
    .record({
      params: PARAMS[countingOf(metric)](micros) as fc.Arbitrary<Params>,
      tz: fc.constantFrom(zone, zone, zone, "UTC"),
      breakdown,
      where: fc.option(filter, { nil: undefined, freq: 2 }),
      as_of: fc.oneof(instantNear(micros), fc.constant(micros + 1_000 * DAY))
    })
    .map(({ as_of, breakdown: by, params, tz, where }): Question => ({
      metric,
      params: { ...params, tz, ...by, ...(where === undefined ? {} : { where: JSON.stringify(where) }) },
      as_of
    }))
    .chain((asked) =>
      isListing(metric)
        ? cellOf(countingOf(metric), asked.params).map((params) => ({ ...asked, params }))
        : fc.constant(asked)
    )

export interface Scenario {
  readonly events: ReadonlyArray<Event>
  readonly questions: ReadonlyArray<Question>
}

/** A project's history with questions about it. */
export const scenario = (metric: MetricName): fc.Arbitrary<Scenario> =>
  moment.chain((around) =>
    fc.record({
      events: history(around.micros),
      questions: fc.array(question(metric, around), { minLength: 1, maxLength: 4 })
    })
  )
