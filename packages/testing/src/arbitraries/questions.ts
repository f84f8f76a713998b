import fc from "fast-check"
import { countingNames, type CountingName, type Event, listingOf, type MetricName } from "@millrace/core"
import { aimed, aimOf } from "./cells.ts"
import { history, visits } from "./history.ts"
import { DAY, instantNear, type Moment, moment } from "./moments.ts"
import { paramsOf, type Params } from "./params.ts"

export interface Question {
  readonly metric: MetricName
  readonly params: Params
  readonly as_of: number
}

/** Valid parameters of a metric that counts, in a zone that is up to something, or not. */
export const question = (metric: CountingName, around: Moment): fc.Arbitrary<Question> =>
  fc.record({
    metric: fc.constant(metric),
    params: paramsOf(metric, around),
    as_of: fc.oneof(instantNear(around.micros), fc.constant(around.micros + 1_000 * DAY))
  })

export interface Scenario {
  readonly events: ReadonlyArray<Event>
  readonly questions: ReadonlyArray<Question>
}

const ABOUT = { minLength: 1, maxLength: 4 }

/** A project's history with questions about it. */
export const scenario = (metric: MetricName): fc.Arbitrary<Scenario> => {
  const counting = countingNames.find((name) => name === metric || listingOf(name)?.name === metric)!
  return moment.chain((around) => {
    const events = fc.oneof(history(around.micros), visits(around.micros))
    const ofCounting = question(counting, around)
    if (counting === metric) return fc.record({ events, questions: fc.array(ofCounting, ABOUT) })
    const listing = ofCounting.chain((about) =>
      fc.record({ about: fc.constant(about), aim: aimOf(counting, about.params, around) })
    )
    return fc.record({ events, listings: fc.array(listing, ABOUT) }).map(({ events: all, listings }) => ({
      events: all,
      questions: listings.map(({ about, aim }) => ({ ...about, metric, params: aimed(aim, counting, about, all) }))
    }))
  })
}
