import { type Erasure, eventOfRow, type HistoryPlace, type UserName } from "@millrace/core"
import { Effect } from "effect"
import type { Connection } from "../client.ts"

const PERSON = {
  text: `
    WITH ids AS (
      SELECT $2::text COLLATE "C" AS user_id, 0 AS nth
      UNION ALL
      SELECT anonymous_id, 1 FROM identities WHERE project_id = $1 AND user_id = $2 AND anonymous_id <> $2
    )
    SELECT user_id, coalesce((
      SELECT max(occurred_at) FROM events WHERE project_id = $1 AND events.user_id = ANY (ARRAY(SELECT user_id FROM ids))
    ), 0) AS latest
    FROM ids ORDER BY nth, user_id`
}

/** Who is meant by an id, and when they were last active. */
export const readPerson = (connection: Connection, { project_id, user_id }: UserName) =>
  Effect.map(connection.rows(PERSON, [project_id, user_id]), (rows) => ({
    user_ids: rows.map((row) => String(row["user_id"])),
    latest: Number(rows[0]?.["latest"])
  }))

const HISTORY = {
  text: `
    SELECT event_id, occurred_at, user_id, event_type, properties::text AS properties, received_at, skew_micros FROM events
    WHERE project_id = $1 AND user_id = ANY ($2::text[])
      AND ($3::bigint IS NULL OR (received_at, event_id) > ($3::bigint, $4::uuid))
    ORDER BY received_at, event_id LIMIT $5`
}

export const readHistory = (
  connection: Connection,
  { project_id, user_ids }: Omit<Erasure, "until">,
  { after, limit }: { readonly after: HistoryPlace | undefined; readonly limit: number }
) =>
  Effect.map(
    connection.rows(HISTORY, [project_id, user_ids, after?.received_at ?? null, after?.event_id ?? null, limit]),
    (rows) => rows.map((row) => eventOfRow(project_id, row))
  )
