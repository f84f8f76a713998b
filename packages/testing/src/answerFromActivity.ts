import {
  type Activity,
  type Ask,
  countingNames,
  type Event,
  type EventTypeOrAny,
  matchesEvent,
  metrics,
  NEVER,
  QUARTER_HOUR_MICROS,
  type Period,
  UserSet,
  withUsers
} from "@millrace/core"

/** Metrics that can be answered from sets of users. */
export const metricsOfActivity = countingNames.filter((name) => metrics[name].activity !== undefined)

/**
 * The answer of one project from sets of users, made of its events in the order of loading; undefined where the question
 * does not allow it.
 */
export const answerFromActivity = <Row>(
  question: Ask<Row>,
  events: ReadonlyArray<Event>
): ReadonlyArray<Row> | undefined => {
  const activity = question.activity?.()
  const known = withUsers(events)
  const plan = activity?.plan((eventType) => {
    const quarterHours = known.filter((event) => matchesEvent(event, eventType)).map(toQuarterHour)
    return quarterHours.length === 0 ? undefined : Math.max(...quarterHours)
  })
  return plan && question.shape(plan.rows(activityOf(known)))
}

const toQuarterHour = ({ occurred_at }: Event) => Math.floor(occurred_at / QUARTER_HOUR_MICROS)

const activityOf = (events: ReadonlyArray<Event>): Activity => {
  const numbers = new Map([...new Set(events.map(({ user_id }) => user_id))].map((id, number) => [id, number]))
  const numberOf = (event: Event) => numbers.get(event.user_id)!
  return {
    users: numbers.size,
    active: (eventType: EventTypeOrAny, period: Period) => {
      const users = new UserSet()
      for (const event of events) {
        const quarterHour = toQuarterHour(event)
        const inside = period.some(({ from, until }) => quarterHour >= from && quarterHour < until)
        if (inside && matchesEvent(event, eventType)) users.add(numberOf(event))
      }
      return users
    },
    first: (eventType) => {
      const first = new Int32Array(numbers.size).fill(NEVER)
      for (const event of events) {
        if (matchesEvent(event, eventType)) {
          first[numberOf(event)] = Math.min(first[numberOf(event)]!, toQuarterHour(event))
        }
      }
      return first
    }
  }
}
