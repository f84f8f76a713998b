import { Schema } from "effect"
import { define } from "../../Metric.ts"
import { about } from "../../Parameter.ts"
import { sql } from "../../SqlText.ts"
import { defineMembers, eventsOfValue } from "../../members.ts"
import { params, type PathsRow, property, row } from "./model.ts"
import { eventsInRange, pathsReference, transitionsIn } from "./reference.ts"
import { eventsIn, pairsSql, pathsSql, shapePaths } from "./sql.ts"
import * as Params from "../../params.ts"

const pathsMembers = defineMembers({
  name: "paths/users",
  description: "The users who made one transition.",
  params: Schema.Struct({
    ...Params.range,
    property,
    source: about(Params.stepName, { help: "What the transition goes from" }),
    target: about(Params.stepName, { help: "What it goes to" }),
    ...Params.listed
  })
    .check(Params.rangeCheck)
    .check(Params.valueCheck),
  cells: ({ from, to, users }: PathsRow) => [{ users, cell: { source: from, target: to } }],
  cell: (question, context, dialect) => {
    const groups = eventsIn(question, context, dialect)
    const rows = sql`
      WITH RECURSIVE ${pairsSql(groups)}
      SELECT ${groups.key}user_id FROM pairs WHERE name_before = ${question.source} AND name = ${question.target}`
    return { groups, rows }
  },
  reference: (events, question) =>
    transitionsIn(eventsOfValue(events, question, eventsInRange(question)), question).find(
      ({ from, to }) => from === question.source && to === question.target
    )?.users ?? []
})

const details = [
  "A session ends when the user is idle for more than 30 minutes, and before the first event more than 24 " +
    "hours after its first one. Consecutive means by time, then `event_id`. A step to the same name counts.",
  "Events outside the range are as though they were not: a session begins anew with it.",
  "With `property` the names are that property's texts; events without a text there are left out.",
  "With a breakdown by events, those with other values are as though they were not; values are ranked by " +
    "events, and each has a list of its own, `limit` long.",
  "Order: transitions descending, then `from` and `to` by code point."
]

/** Which event follows which: transitions between consecutive events of one session. */
export const paths = define({
  name: "paths",
  title: "Which event follows which within a session",
  description: "The most frequent transitions between consecutive events of a session.",
  details,
  params,
  row,
  sql: pathsSql,
  shape: shapePaths,
  reference: pathsReference,
  members: pathsMembers,
  drawn: {
    nothing: "nothing followed anything in this range",
    columns: [
      { field: "from" },
      { field: "to", before: "→ " },
      { field: "transitions", title: "times" },
      { field: "users" }
    ],
    bar: "transitions"
  }
})
