import type { Redacted } from "effect"

/** Which Redis, and how long a request may wait for it. */
export interface RedisOptions {
  /** `redis://user:password@host:port/database`, or `rediss://…`; Redis 5 or later, or Valkey. */
  readonly url: string | Redacted.Redacted
  /** Every key begins with it, so that several millraces share one server. */
  readonly name?: string
  readonly connectTimeoutMillis?: number
  /** For one answer; after that the request is decided without. */
  readonly commandTimeoutMillis?: number
  /** After an answer that did not come: how long nobody waits for the next. */
  readonly cooldownMillis?: number
}

export const defaults = {
  name: "millrace",
  connectTimeoutMillis: 2_000,
  commandTimeoutMillis: 250,
  cooldownMillis: 1_000
} satisfies Partial<RedisOptions>

export type Settings = Required<RedisOptions>
