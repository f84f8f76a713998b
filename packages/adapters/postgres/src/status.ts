import { type ByProject, type EventStoreError } from "@millrace/core"
import { Context, Effect } from "effect"
import type { Database, Row } from "./client.ts"
import { storeFailed } from "./errors.ts"

export interface Horizon {
  /** Age of the oldest transaction that still writes, anywhere on the server: how far the replay order may lag. */
  readonly ageMillis: number
  /** Accepted events that are committed but hidden behind it. */
  readonly hiddenEvents: number
}

export interface Totals {
  /** Events ever consumed by an append, freed ones included; a redelivered message counts once. */
  readonly accepted: ByProject
  readonly stored: ByProject
  readonly duplicates: ByProject
}

/** What operators watch. */
export class PostgresStatus extends Context.Service<
  PostgresStatus,
  {
    readonly horizon: Effect.Effect<Horizon, EventStoreError>
    readonly totals: Effect.Effect<Totals, EventStoreError>
  }
>()("@millrace/postgres/PostgresStatus") {}

export const makeStatus = (database: Database): PostgresStatus["Service"] =>
  PostgresStatus.of({
    horizon: database
      .use((connection) => connection.rows(HORIZON))
      .pipe(
        Effect.map((rows) => ({
          ageMillis: Number(rows[0]?.["age_millis"]),
          hiddenEvents: Number(rows[0]?.["hidden_events"])
        })),
        Effect.mapError(storeFailed("backlog"))
      ),
    totals: database
      .use((connection) => connection.rows(TOTALS))
      .pipe(Effect.map(totalsOf), Effect.mapError(storeFailed("backlog")))
  })

/** Prepared transactions hold it back as well. Other users' sessions show only to members of pg_read_all_stats. */
const HORIZON = {
  name: "horizon",
  text: `
    SELECT
      coalesce((SELECT extract(epoch FROM clock_timestamp() - min(since)) * 1000 FROM (
        SELECT xact_start AS since FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid()
        UNION ALL SELECT prepared FROM pg_prepared_xacts
      ) AS writing), 0)::bigint AS age_millis,
      (SELECT coalesce(sum(accepted), 0) FROM segments WHERE xid >= pg_snapshot_xmin(pg_current_snapshot()))
        AS hidden_events`
}

const TOTALS = {
  name: "totals",
  text: `
    SELECT project_id, sum(accepted) AS accepted, sum(stored) AS stored FROM (
      SELECT project_id, accepted, stored FROM segments UNION ALL SELECT project_id, accepted, stored FROM freed
    ) AS counted GROUP BY project_id`
}

const totalsOf = (rows: ReadonlyArray<Row>): Totals => {
  const by = (count: (row: Row) => number) =>
    Object.fromEntries(rows.map((row) => [String(row["project_id"]), count(row)]))
  return {
    accepted: by((row) => Number(row["accepted"])),
    stored: by((row) => Number(row["stored"])),
    duplicates: by((row) => Number(row["accepted"]) - Number(row["stored"]))
  }
}
