import type { Redacted } from "effect"

/** Which database, and how much of it the questions of one process may take. */
export interface PostgresWarehouseOptions {
  /** `postgres://user:password@host:port/database?sslmode=…`; PostgreSQL 14 or later. */
  readonly url: string | Redacted.Redacted
  /**
   * A hot standby of that database, which answers metrics as far as it has come; while it is behind what was told, or away,
   * the database itself does.
   */
  readonly replicaUrl?: string | Redacted.Redacted
  readonly connectTimeoutMillis?: number
  /** By the server, for one statement of a load or an erasure. */
  readonly statementTimeoutMillis?: number
  /** By this process, for one whole load: also ends the wait for a server that stopped answering. */
  readonly loadTimeoutMillis?: number
  readonly applicationName?: string
  /** Questions that run at one time, each on a connection of its own. */
  readonly concurrentQueries?: number
  /** A question that runs for longer is heavy: while others wait, one turn is kept from those. */
  readonly sliceMillis?: number
  /** Questions that wait; of more, the newest of whoever has the most is refused. */
  readonly waitingQueries?: number
  /** How long one waits. */
  readonly queryWaitMillis?: number
  /** How long one runs, once it has its turn; the server stops it. */
  readonly queryTimeoutMillis?: number
  /** What each sort and each hash table of a question may hold in the server's memory before it spills. */
  readonly workMemoryMegabytes?: number
  /** What a question may spill to the server's disk. Only a superuser may limit it; for others the server's own limit holds. */
  readonly spillLimitMegabytes?: number
}

export const defaults = {
  connectTimeoutMillis: 5_000,
  statementTimeoutMillis: 300_000,
  loadTimeoutMillis: 600_000,
  applicationName: "millrace-warehouse",
  concurrentQueries: 2,
  sliceMillis: 1_000,
  waitingQueries: 128,
  queryWaitMillis: 30_000,
  queryTimeoutMillis: 60_000,
  workMemoryMegabytes: 64,
  spillLimitMegabytes: 16_384
} satisfies Partial<PostgresWarehouseOptions>

export type WarehouseSettings = Required<Omit<PostgresWarehouseOptions, "replicaUrl">> &
  Pick<PostgresWarehouseOptions, "replicaUrl">
