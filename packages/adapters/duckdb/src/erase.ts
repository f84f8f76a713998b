import { type Erasure, eventOfRow, type HistoryPlace, IDENTIFY, type Tombstones, type UserName } from "@millrace/core"
import { Effect } from "effect"
import { eraseActivity } from "./activity/record.ts"
import type { Connection } from "./client.ts"
import { rebuildIdentities } from "./identities.ts"
import { inTransaction } from "./migrate.ts"
import { NAMED_ID, writeTombstones } from "./tombstones.ts"

/** Ids travel as one JSON array, so that their number is no part of the statement. */
const IDS = "(SELECT unnest(from_json($2::JSON, '[\"VARCHAR\"]')))"

/**
 * Deletes events and tells who is not to come back, in one transaction. Whatever table is derived from events is worked out
 * anew here; the bytes go with the file: rewrite.ts.
 */
export const eraseUser = (writer: Connection, tombstones: Tombstones, erasure: Erasure) =>
  inTransaction(
    writer,
    Effect.gen(function* () {
      const { project_id, until, user_ids } = erasure
      const rows = yield* writer.rows(ERASE, [project_id, JSON.stringify(user_ids), until, IDENTIFY])
      const events = Number(rows[0]?.["Count"])
      if (events > 0) {
        yield* rebuildIdentities(writer)
        yield* eraseActivity(writer, project_id, user_ids)
        yield* writer.rows(REWRITE_DUE)
      }
      yield* writeTombstones(writer, tombstones, erasure)
      return events
    })
  )

/** In the transaction that deletes: a crash after it still knows what is left to do. */
const REWRITE_DUE = "UPDATE erasure_state SET rewrite_due = true"

/** An `$identify` that names an erased id holds it as well. */
const ERASE = `
  DELETE FROM events
  WHERE project_id = $1
    AND (user_id IN ${IDS} OR (event_type = $4 AND ${NAMED_ID} IN ${IDS}))
    AND (occurred_at <= make_timestamp($3::BIGINT) OR received_at <= make_timestamp($3::BIGINT))`

/** Text leaves as BLOB, as in `dialect.text`. */
const PERSON = `
  WITH ids AS (
    SELECT $2 AS user_id, 0 AS nth
    UNION ALL
    SELECT anonymous_id, 1 FROM identities WHERE project_id = $1 AND user_id = $2 AND anonymous_id <> $2
  )
  SELECT encode(ids.user_id) AS user_id,
    COALESCE((
      SELECT MAX(epoch_us(occurred_at)) FROM events WHERE project_id = $1 AND user_id IN (SELECT user_id FROM ids)
    ), 0) AS latest
  FROM ids ORDER BY nth, ids.user_id`

export const readPerson = (reader: Connection, { project_id, user_id }: UserName) =>
  Effect.map(reader.rows(PERSON, [project_id, user_id]), (rows) => ({
    user_ids: rows.map((row) => String(row["user_id"])),
    latest: Number(rows[0]?.["latest"])
  }))

const HISTORY = `
  SELECT event_id::VARCHAR AS event_id, epoch_us(occurred_at) AS occurred_at, encode(user_id) AS user_id,
    encode(event_type) AS event_type, encode(properties::VARCHAR) AS properties, epoch_us(received_at) AS received_at,
    skew_micros
  FROM events
  WHERE project_id = $1 AND user_id IN ${IDS}
    AND ($3::BIGINT IS NULL OR (received_at, event_id) > (make_timestamp($3::BIGINT), $4::UUID))
  ORDER BY received_at, event_id LIMIT $5`

export const readHistory = (
  reader: Connection,
  { project_id, user_ids }: Omit<Erasure, "until">,
  { after, limit }: { readonly after: HistoryPlace | undefined; readonly limit: number }
) =>
  Effect.map(
    reader.rows(HISTORY, [
      project_id,
      JSON.stringify(user_ids),
      after?.received_at ?? null,
      after?.event_id ?? null,
      limit
    ]),
    (rows) => rows.map((row) => eventOfRow(project_id, row))
  )
