import type { Event } from "../event/Event.ts"
import { withUsers } from "../event/Identities.ts"
import type { Dialect } from "./Dialect.ts"
import { type Filter, filterSql, matches } from "./filter/index.ts"
import { sql, type SqlText } from "./SqlText.ts"

/** Filter of the events, which every metric's parameters may have. */
export interface WithFilter {
  /** The metric is counted as though there were no other events than these. */
  readonly where?: Filter | undefined
}

/** Events that `where` leaves, named `events`: they stand behind FROM in every metric. */
export const eventsOf = ({ where }: WithFilter, dialect: Dialect): SqlText =>
  where === undefined
    ? dialect.events
    : sql`(SELECT * FROM ${dialect.events} WHERE ${filterSql(where, dialect)}) AS events`

/** The same over an array in the order of loading. */
export const eventsIn = (events: ReadonlyArray<Event>, { where }: WithFilter): ReadonlyArray<Event> => {
  const resolved = withUsers(events)
  return where === undefined ? resolved : resolved.filter((event) => matches(event, where))
}
