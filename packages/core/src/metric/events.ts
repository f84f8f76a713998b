import type { Event } from "../event/Event.ts"
import { IDENTIFY } from "../event/Identities.ts"
import { sql, type SqlText } from "./SqlText.ts"

export { IDENTIFY }

/** SQL for "this type, or any event when none is named". */
export const matches = (eventType: string | undefined): SqlText =>
  eventType === undefined ? sql`event_type <> ${IDENTIFY}` : sql`event_type = ${eventType}`

/** The same over an event. */
export const matchesEvent = (event: Event, eventType: string | undefined): boolean =>
  eventType === undefined ? event.event_type !== IDENTIFY : event.event_type === eventType
