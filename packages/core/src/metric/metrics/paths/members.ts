import { Schema } from "effect"
import { about } from "../../Parameter.ts"
import * as Params from "../../params.ts"
import { sql } from "../../SqlText.ts"
import { defineMembers, eventsOfValue } from "../../members.ts"
import { property, type PathsRow } from "./model.ts"
import { eventsInRange, transitionsIn } from "./reference.ts"
import { eventsIn, pairsSql } from "./sql.ts"

export const pathsMembers = defineMembers({
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
  cell: (params, context, dialect) => {
    const groups = eventsIn(params, context, dialect)
    const rows = sql`
      WITH RECURSIVE ${pairsSql(groups)}
      SELECT ${groups.key}user_id FROM pairs WHERE name_before = ${params.source} AND name = ${params.target}`
    return { groups, rows }
  },
  reference: (events, params) =>
    transitionsIn(eventsOfValue(events, params, eventsInRange(params)), params).find(
      ({ from, to }) => from === params.source && to === params.target
    )?.users ?? []
})
