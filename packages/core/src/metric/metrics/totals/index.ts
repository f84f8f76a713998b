import { Schema } from "effect"
import type { Event } from "../../../event/Event.ts"
import { breakdownKey, eachValue, groupEvents, shapeEach } from "../../breakdown/index.ts"
import { dayOfDate, instantsOf, occurredIn } from "../../calendar.ts"
import { localClock } from "../../localClock.ts"
import { define } from "../../Metric.ts"
import * as Params from "../../params.ts"
import { integerOf, ratio, share } from "../../rows.ts"
import { sql } from "../../SqlText.ts"

const params = Schema.Struct({ ...Params.range, ...Params.common }).check(Params.rangeCheck)

const row = Schema.Struct({
  ...breakdownKey,
  events: Schema.Int,
  users: Schema.Int,
  users_per_event: share.annotate({ description: "users / events, 0 where there are none." })
})

const rowOf = (events: number, users: number) => ({ events, users, users_per_event: ratio(users, events) })

const inRange = (events: ReadonlyArray<Event>, { from, to, tz }: typeof params.Type) => {
  const clock = localClock(tz)
  return events
    .map((event) => [event, clock.date(event.occurred_at)] as const)
    .filter(([, date]) => date >= from && date <= to)
}

/** Events and distinct users of a range. */
export const totals = define({
  name: "totals",
  description: "Events and distinct users of a range.",
  params,
  row,
  sql: (asked, context, dialect) => {
    const range = instantsOf(asked.tz, dayOfDate(asked.from), dayOfDate(asked.to) + 1)
    const counted = {
      columns: sql`user_id`,
      where: sql`project_id = ${context.project_id} AND ${occurredIn(range, dialect)}`,
      score: sql`COUNT(*)`
    }
    const { answer, grouped, key, source } = groupEvents(asked, counted, context, dialect)
    return answer(sql`SELECT ${key}COUNT(*) AS events, COUNT(DISTINCT user_id) AS users FROM ${source} ${grouped}`)
  },
  shape: (raw, asked) =>
    shapeEach(raw, asked, (rows) => rows.map((found) => rowOf(integerOf(found, "events"), integerOf(found, "users")))),
  reference: (events, asked) =>
    eachValue(
      events,
      asked,
      (of) => inRange(of, asked).length || undefined,
      (of) => {
        const found = inRange(of, asked)
        return [rowOf(found.length, new Set(found.map(([event]) => event.user_id)).size)]
      }
    )
})
