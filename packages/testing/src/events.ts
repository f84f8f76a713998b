import { type Erasure, type Event, EventBatch } from "@millrace/core"

const BASE = Date.UTC(2026, 0, 1) * 1000

/** A UUID that says its number, for readable failures. */
export const idOf = (number: number): string => `00000000-0000-4000-8000-${number.toString(16).padStart(12, "0")}`

/** One valid event; `number` decides its id, and every other field unless given. */
export const eventOf = (number: number, fields: Partial<Event> = {}): Event => ({
  project_id: "default",
  event_id: idOf(number),
  occurred_at: BASE + number * 1_000_000,
  user_id: `user-${number % 7}`,
  event_type: number % 3 === 0 ? "purchase" : "visit",
  properties: `{"number":${number}}`,
  received_at: BASE + number,
  skew_micros: 0,
  ...fields
})

export const eventsOf = (from: number, count: number, fields: Partial<Event> = {}): ReadonlyArray<Event> =>
  Array.from({ length: count }, (_, index) => eventOf(from + index, fields))

export const batchOf = (from: number, count: number, fields: Partial<Event> = {}): EventBatch =>
  EventBatch.fromEvents(eventsOf(from, count, fields))

/** Erases a user up to the end of the first hour of {@link eventOf}'s day. */
export const erasureOf = (...user_ids: ReadonlyArray<string>): Erasure => ({
  project_id: "default",
  user_ids,
  until: BASE + 3_600_000_000
})
