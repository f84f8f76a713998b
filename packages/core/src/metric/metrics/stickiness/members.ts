import { Schema } from "effect"
import { timeBuckets } from "../../calendar.ts"
import { about } from "../../Parameter.ts"
import * as Params from "../../params.ts"
import { sql } from "../../SqlText.ts"
import { defineMembers, eventsOfValue } from "../../members.ts"
import type { StickinessRow } from "./model.ts"
import { activeUsers, intervalsOf } from "./reference.ts"
import { countedSql, eventsIn } from "./sql.ts"

export const stickinessMembers = defineMembers({
  name: "stickiness/users",
  description: "The users who were active in exactly, or in at least, so many of the range's intervals.",
  params: Schema.Struct({
    ...Params.dateTimeline,
    event_type: Params.countedType,
    intervals: about(Params.integer(1, Params.RANGE_MAX_DAYS), { help: "The row's number of intervals" }),
    column: Params.choice(["users", "at_least"]),
    ...Params.listed
  })
    .check(Params.rangeCheck)
    .check(Params.valueCheck)
    .check(
      Schema.makeFilter((params) => {
        const length = Math.max(1, timeBuckets(params, 0).length)
        return params.intervals <= length
          ? undefined
          : { path: ["intervals"], issue: `must not be above ${length}, the number of the range's ${params.interval}s` }
      })
    ),
  cells: ({ at_least, intervals, users }: StickinessRow) => [
    { users, cell: { intervals: String(intervals) } },
    { users: at_least, cell: { intervals: String(intervals), column: "at_least" } }
  ],
  cell: (params, context, dialect) => {
    const groups = eventsIn(params, context, dialect)
    const rows = sql`
      SELECT ${groups.key}user_id FROM (${countedSql(params, groups)}) AS counted
      WHERE intervals ${params.column === "users" ? sql`=` : sql`>=`} ${params.intervals}`
    return { groups, rows }
  },
  reference: (events, params) =>
    [...intervalsOf(eventsOfValue(events, params, activeUsers(params)), params)].flatMap(([user, intervals]) =>
      intervals === params.intervals || (params.column === "at_least" && intervals > params.intervals) ? [user] : []
    )
})
