import type { Event } from "./Event.ts"
import { isPlaceholder } from "./placeholders.ts"

/** Merges two identities; counts in no metric except by name (docs/semantics.md, "Identity"). */
export const IDENTIFY = "$identify"

/** What an `$identify` event says, or tried to say. */
export interface Identified {
  /** The known user. */
  readonly user_id: string
  /** `properties.anonymous_id`; undefined when there is none that a user could have. */
  readonly anonymous_id: string | undefined
}

/** From now on, and for all that was before, the anonymous id's events are the user's. */
export interface Merge {
  readonly anonymous_id: string
  readonly user_id: string
}

const USER_ID_MAX_CHARACTERS = 256

/**
 * Who is who in one project, by its `$identify` events in the order in which they were loaded.
 *
 * **Details**
 *
 * - The first event that names an anonymous id wins; a later one for another user changes nothing.
 * - Who was named as a known user is never merged into another: refused and counted.
 * - Naming a user who was merged before, as an anonymous id, names the one that he was merged into.
 * - An event that names a placeholder on either side says nothing at all.
 */
export class Identities {
  readonly #userOf: Map<string, string>
  readonly #known: Set<string>
  #refused = 0

  constructor(merges: ReadonlyArray<Merge> = [], known: ReadonlyArray<string> = []) {
    this.#userOf = new Map(merges.map(({ anonymous_id, user_id }) => [anonymous_id, user_id]))
    this.#known = new Set(known)
  }

  /** The merge that the event makes, if it makes one. */
  observe({ anonymous_id, user_id }: Identified): Merge | undefined {
    if (anonymous_id === undefined || !namesUsers({ anonymous_id, user_id })) return undefined
    this.#known.add(user_id)
    if (anonymous_id === user_id || this.#userOf.has(anonymous_id)) return undefined
    if (this.#known.has(anonymous_id)) {
      this.#refused++
      return undefined
    }
    const merge = { anonymous_id, user_id: this.userOf(user_id) }
    this.#userOf.set(anonymous_id, merge.user_id)
    return merge
  }

  userOf(id: string): string {
    return this.#userOf.get(id) ?? id
  }

  /** Merges of known users that were asked for. */
  get refused(): number {
    return this.#refused
  }
}

/** Whether both ids are somebody's. */
export const namesUsers = ({ anonymous_id, user_id }: Merge): boolean =>
  !isPlaceholder(anonymous_id) && !isPlaceholder(user_id)

/** The anonymous id in an event's properties, given as text. */
export const anonymousIdIn = (properties: string): string | undefined => {
  const { anonymous_id } = JSON.parse(properties) as { readonly anonymous_id?: unknown }
  return isUserId(anonymous_id) ? anonymous_id : undefined
}

const isUserId = (value: unknown): value is string =>
  typeof value === "string" && value !== "" && [...value].length <= USER_ID_MAX_CHARACTERS

/** Events in the order in which they were loaded, each with the user that it counts as. */
export const withUsers = (events: ReadonlyArray<Event>): ReadonlyArray<Event> => {
  const identities = new Identities()
  for (const { event_type, properties, user_id } of events) {
    if (event_type === IDENTIFY) identities.observe({ user_id, anonymous_id: anonymousIdIn(properties) })
  }
  return events.map((event) => {
    const user_id = identities.userOf(event.user_id)
    return user_id === event.user_id ? event : { ...event, user_id }
  })
}
