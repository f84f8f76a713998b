import { Schema } from "effect"
import type { Event } from "../event/Event.ts"
import { type BreakdownValue, type WithBreakdown, type Groups, partsOf } from "./breakdown/index.ts"
import type { Dialect } from "./Dialect.ts"
import type { AskContext, Member, Listing, Metric } from "./Metric.ts"
import { compareCodePoints, textOf } from "./rows.ts"
import type { WithFilter } from "./source.ts"
import { sql, type SqlText } from "./SqlText.ts"

/** What the parameters of every listing have in common, besides those of the metric and those that name a cell. */
export interface Listed extends WithFilter, WithBreakdown {
  readonly limit: number
  /** The last user of the page before. */
  readonly after?: string | undefined
}

/** The users of one cell: `rows` is a query over the groups' `source` that gives `user_id` behind their `key`. */
export interface Cell {
  readonly groups: Groups
  readonly rows: SqlText
}

const row = Schema.Struct({
  user_id: Schema.String.annotate({ description: "As the user counts: anonymous ids that were merged are not there." })
})

/**
 * Who the users of a cell of a metric's answer are, each once, in the order of their ids' code points, a page at a time: go
 * on with `after`, the last one seen.
 */
export const defineMembers = <const Name extends string, Params extends Listed, Row>(listing: {
  readonly name: Name
  readonly description: string
  readonly params: Metric<Name, Params, Member>["params"]
  readonly cells: Listing<Name, Params, Row>["cells"]
  readonly spellings?: Listing<Name, Params, Row>["spellings"]
  readonly cell: (params: Params, context: AskContext, dialect: Dialect) => Cell
  readonly reference: (events: ReadonlyArray<Event>, params: Params, context: AskContext) => Iterable<string>
}): Listing<Name, Params, Row> => ({
  name: listing.name,
  description: listing.description,
  params: listing.params,
  row,
  sql: (params, context, dialect) => pageSql(listing.cell(params, context, dialect), params, dialect),
  shape: (raw) => raw.map((found) => ({ user_id: textOf(found, "user_id") })),
  reference: (events, params, context) => pageOf(listing.reference(events, params, context), params),
  cells: listing.cells,
  ...(listing.spellings === undefined ? {} : { spellings: listing.spellings })
})

const pageSql = ({ groups, rows }: Cell, { after, breakdown_value, limit }: Listed, dialect: Dialect): SqlText => sql`
  SELECT ${dialect.text(sql`listed.user_id`)} AS user_id
  FROM (
    SELECT DISTINCT user_id FROM (${groups.usersOf(breakdown_value, rows)}) AS members
    ${after === undefined ? sql`` : sql`WHERE user_id > ${after}`}
  ) AS listed
  ORDER BY listed.user_id
  LIMIT ${limit}`

const pageOf = (users: Iterable<string>, { after, limit }: Listed): ReadonlyArray<Member> =>
  [...new Set(users)]
    .filter((user) => after === undefined || compareCodePoints(user, after) > 0)
    .toSorted(compareCodePoints)
    .slice(0, limit)
    .map((user_id) => ({ user_id }))

/** The events that the rows of the asked value are counted from; all of them where there is no breakdown. */
export const eventsOfValue = (
  events: ReadonlyArray<Event>,
  { breakdown, breakdown_of, breakdown_value }: Listed,
  score: (events: ReadonlyArray<Event>) => number | null | undefined
): ReadonlyArray<Event> =>
  breakdown === undefined
    ? events
    : ofValue(partsOf(events, { breakdown, breakdown_of, breakdown_value }, score), breakdown_value)

/** One value's group; empty where the answer has no such value. */
export const ofValue = <Thing>(
  groups: ReadonlyArray<readonly [BreakdownValue, ReadonlyArray<Thing>]>,
  wanted: BreakdownValue | undefined
): ReadonlyArray<Thing> => groups.find(([value]) => value === wanted)?.[1] ?? []
