import { Schema } from "effect"
import { define } from "../../Metric.ts"
import { about } from "../../Parameter.ts"
import { sql } from "../../SqlText.ts"
import { timeBuckets } from "../../calendar.ts"
import { defineMembers, eventsOfValue } from "../../members.ts"
import { stickinessActivity } from "./activity.ts"
import { params, row, type StickinessRow } from "./model.ts"
import { activeUsers, intervalsOf, stickinessReference } from "./reference.ts"
import { countedSql, eventsIn, shapeStickiness, stickinessSql } from "./sql.ts"
import * as Params from "../../params.ts"

const stickinessMembers = defineMembers({
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
      Schema.makeFilter((question) => {
        const length = Math.max(1, timeBuckets(question, 0).length)
        return question.intervals <= length
          ? undefined
          : {
              path: ["intervals"],
              issue: `must not be above ${length}, the number of the range's ${question.interval}s`
            }
      })
    ),
  cells: ({ at_least, intervals, users }: StickinessRow) => [
    { users, cell: { intervals: String(intervals) } },
    { users: at_least, cell: { intervals: String(intervals), column: "at_least" } }
  ],
  cell: (question, context, dialect) => {
    const groups = eventsIn(question, context, dialect)
    const rows = sql`
      SELECT ${groups.key}user_id FROM (${countedSql(question, groups)}) AS counted
      WHERE intervals ${question.column === "users" ? sql`=` : sql`>=`} ${question.intervals}`
    return { groups, rows }
  },
  reference: (events, question) =>
    [...intervalsOf(eventsOfValue(events, question, activeUsers(question)), question)].flatMap(([user, intervals]) =>
      intervals === question.intervals || (question.column === "at_least" && intervals > question.intervals)
        ? [user]
        : []
    )
})

const details = [
  "With a breakdown by events, an interval counts for each value that the user had in it; values are ranked by users."
]

/** Users by the number of intervals of the range in which they were active; each interval counted whole. */
export const stickiness = define({
  name: "stickiness",
  title: "Users by the number of intervals in which they were active",
  description: "How many users were active in exactly 1, 2, 3 … of the range's intervals.",
  details,
  params,
  row,
  sql: stickinessSql,
  shape: shapeStickiness,
  reference: stickinessReference,
  activity: stickinessActivity,
  members: stickinessMembers,
  drawn: {
    heading: ({ interval }) => `users by active ${interval}s`,
    nothing: "no users in this range",
    columns: [
      { field: "intervals", title: ({ interval }) => `${interval}s` },
      { field: "users" },
      { field: "at_least", title: "or more" },
      { field: "at_least", title: "share", ofFirst: true }
    ],
    bar: "users",
    // Up to the last number of intervals that anybody reached.
    isDrawn: ({ at_least }) => at_least > 0
  }
})
