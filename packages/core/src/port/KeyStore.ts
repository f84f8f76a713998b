import { Context, type Effect, type Option, Schema } from "effect"

export class KeysUnavailable extends Schema.TaggedError<KeysUnavailable>()("KeysUnavailable", {
  cause: Schema.Defect()
}) {
  readonly retryable = true
}

export class KeyStoreError extends Schema.TaggedError<KeyStoreError>()("KeyStoreError", {
  operation: Schema.Literals(["open", "find", "create", "list", "revoke"]),
  reason: KeysUnavailable
}) {
  get retryable(): boolean {
    return this.reason.retryable
  }
}

/**
 * A scope is what a key may do: `write` nothing but ingest, so it may live in a browser; `admin` everything in its
 * project.
 */
export type KeyScope = "write" | "read" | "admin"

export interface ApiKey {
  readonly project_id: string
  readonly scope: KeyScope
  /** The key's first characters, safe to log. */
  readonly prefix: string
  /** Web origins that may use it, like `https://shop.example`; empty: any, and programs too. */
  readonly origins: ReadonlyArray<string>
}

/** A key as the store keeps it: `hash` names it, nothing here opens anything. */
export interface StoredApiKey extends ApiKey {
  /** Hash in lower-case hex, 32 bytes; see {@link KeyStore}. */
  readonly hash: string
  /** Instant in UTC microseconds. */
  readonly created_at: number
  readonly revoked_at: number | undefined
}

/**
 * API keys by hash; the store never sees a key. `hash` is the lower-case hex HMAC-SHA-256 of the key under a pepper that
 * the store does not know either: a key is 256 random bits, so a slow hash would only be a lever for denial of service.
 */
export class KeyStore extends Context.Service<
  KeyStore,
  {
    /** Finds a key that is not revoked. */
    readonly find: (hash: string) => Effect.Effect<Option.Option<ApiKey>, KeyStoreError>
    /** Creates a key, durable when it returns. False when the hash is there already; nothing is changed then. */
    readonly create: (key: ApiKey & { readonly hash: string }) => Effect.Effect<boolean, KeyStoreError>
    /** Lists keys, oldest first, revoked ones included. */
    readonly list: (project_id?: string) => Effect.Effect<ReadonlyArray<StoredApiKey>, KeyStoreError>
    /**
     * Revokes a key: durable when it returns, and seen by every later `find`. False: there is no such key, or it was
     * revoked before.
     */
    readonly revoke: (hash: string) => Effect.Effect<boolean, KeyStoreError>
  }
>()("@millrace/core/port/KeyStore") {}
