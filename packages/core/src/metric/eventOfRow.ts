import type { Event } from "../event/Event.ts"
import type { RawRow } from "./rows.ts"

/** An event out of a row whose columns are named like its fields; drivers give integers as they like. */
export const eventOfRow = (project_id: string, row: RawRow): Event => ({
  project_id,
  event_id: String(row["event_id"]),
  occurred_at: Number(row["occurred_at"]),
  user_id: String(row["user_id"]),
  event_type: String(row["event_type"]),
  properties: String(row["properties"]),
  received_at: Number(row["received_at"]),
  skew_micros: Number(row["skew_micros"])
})
