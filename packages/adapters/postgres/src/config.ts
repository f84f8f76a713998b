import type { Redacted } from "effect"

/** Which database, and how much of it one process may take. */
export interface PostgresOptions {
  /** `postgres://user:password@host:port/database?sslmode=…`; PostgreSQL 14 or later. */
  readonly url: string | Redacted.Redacted
  readonly connections?: number
  readonly connectTimeoutMillis?: number
  /** By the server, for one statement. */
  readonly statementTimeoutMillis?: number
  /** By this process, for one whole operation: also ends the wait for a server that stopped answering. */
  readonly operationTimeoutMillis?: number
  /** A transaction that stays open holds back every reader of the replay order. */
  readonly idleInTransactionTimeoutMillis?: number
  readonly applicationName?: string
  /** An acknowledgement follows the commit, so the commit waits for the disk; `remote_*` for standbys as well. */
  readonly synchronousCommit?: "on" | "remote_write" | "remote_apply"
  /** A page of replay ends at the first batch that passes this. */
  readonly pageMegabytes?: number
  /** Events stay this long after their acceptance, even when the warehouse has them. */
  readonly retainDays?: number
  /** Identities are forgotten after this time; never when not given. Each costs about 100 bytes. */
  readonly dedupeDays?: number
  /** How long a message that was consumed may come again and still be recognised; each costs about 100 bytes. */
  readonly redeliveryDays?: number
}

export const defaults = {
  connections: 10,
  connectTimeoutMillis: 5_000,
  statementTimeoutMillis: 30_000,
  operationTimeoutMillis: 45_000,
  idleInTransactionTimeoutMillis: 10_000,
  applicationName: "millrace",
  synchronousCommit: "on",
  pageMegabytes: 64,
  retainDays: 30,
  redeliveryDays: 30
} satisfies Partial<PostgresOptions>

export type Settings = Required<Omit<PostgresOptions, "dedupeDays">> & Pick<PostgresOptions, "dedupeDays">
