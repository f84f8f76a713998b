import type { Event } from "../../../event/Event.ts"
import { IDENTIFY } from "../../events.ts"
import { valueOf } from "../../filter/index.ts"
import { localClock } from "../../localClock.ts"
import { compareCodePoints } from "../../rows.ts"
import { IDLE_MICROS, type PathsParams, type PathsRow, SESSION_MICROS } from "./model.ts"

/** The definition: walk each user's events, and look whether the session goes on. */
export const pathsReference = (
  events: ReadonlyArray<Event>,
  { from, limit, property, to, tz }: PathsParams
): ReadonlyArray<PathsRow> => {
  const clock = localClock(tz)
  const nameOf = (event: Event) =>
    property === undefined ? event.event_type : valueOf(event, `properties.${property}`)
  const counted = events.filter((event) => {
    const date = clock.date(event.occurred_at)
    return event.event_type !== IDENTIFY && date >= from && date <= to && typeof nameOf(event) === "string"
  })
  const found = new Map<string, PathsRow & { readonly who: Set<string> }>()
  for (const [user, own] of Map.groupBy(counted, ({ user_id }) => user_id)) {
    const ordered = own.toSorted((a, b) => a.occurred_at - b.occurred_at || (a.event_id < b.event_id ? -1 : 1))
    let start = ordered[0]!.occurred_at
    for (const [index, event] of ordered.entries()) {
      const before = ordered[index - 1]
      if (before === undefined) continue
      if (event.occurred_at - before.occurred_at > IDLE_MICROS || event.occurred_at - start > SESSION_MICROS) {
        start = event.occurred_at
        continue
      }
      const names = { from: String(nameOf(before)), to: String(nameOf(event)) }
      const key = JSON.stringify(names)
      const known = found.get(key) ?? { ...names, transitions: 0, users: 0, who: new Set() }
      found.set(key, { ...known, transitions: known.transitions + 1, who: known.who.add(user) })
    }
  }
  return [...found.values()]
    .map(({ who, ...row }) => ({ ...row, users: who.size }))
    .toSorted(
      (a, b) => b.transitions - a.transitions || compareCodePoints(a.from, b.from) || compareCodePoints(a.to, b.to)
    )
    .slice(0, limit)
}
