import { SELECT_EVENTS, SELECT_SEGMENTS, SELECT_SET_ASIDE } from "./places.ts"

export interface Table {
  readonly name: string
  readonly columns: ReadonlyArray<string>
  /** Of these columns, in this order; the table's own when not given. */
  readonly select?: string
  /** A column that numbers the rows. */
  readonly identity?: string
}

/** In an order that keeps references whole. */
export const TABLES: ReadonlyArray<Table> = [
  { name: "identities", columns: ["project_id", "event_id", "received_on"] },
  {
    name: "events",
    columns: [
      "xid",
      "n",
      "project_id",
      "event_id",
      "occurred_at",
      "user_id",
      "event_type",
      "properties",
      "received_at",
      "skew_micros"
    ],
    select: SELECT_EVENTS
  },
  {
    name: "segments",
    columns: ["xid", "last_n", "project_id", "accepted", "stored", "bytes", "received_at"],
    select: SELECT_SEGMENTS
  },
  { name: "set_aside", columns: ["xid", "n", "project_id", "since"], select: SELECT_SET_ASIDE },
  { name: "deliveries", columns: ["log", "position", "consumed", "received_on", "project_id"] },
  { name: "freed", columns: ["project_id", "accepted", "stored"] },
  {
    name: "dead_letters",
    columns: ["id", "project_id", "event_id", "batch", "stage", "code", "message", "attempts", "failed_at"],
    identity: "id"
  },
  { name: "dead_letter_totals", columns: ["project_id", "stage", "dead", "replayed", "purged"] },
  { name: "accepted_totals", columns: ["project_id", "slot", "accepted"] },
  { name: "erasures", columns: ["n", "hash", "until"], identity: "n" },
  { name: "erasure_state", columns: ["key", "rewrite_due"] },
  { name: "api_keys", columns: ["hash", "project_id", "scope", "prefix", "created_at", "revoked_at", "origins"] },
  { name: "users", columns: ["id", "email", "password", "disabled", "generation", "created_at"] },
  { name: "user_grants", columns: ["user_id", "project_id", "role"] }
]

/**
 * Sessions: one that was ended must not come back. The others say how this database came to be, and which warehouse is filled
 * from it: what is restored is another one, with places of its own.
 */
export const LEFT_OUT: ReadonlyArray<string> = [
  "user_sessions",
  "migrations",
  "restored_from",
  "store_state",
  "warehouses"
]
