import { Context, type Effect, type Option, Schema } from "effect"

export class KeysUnavailable extends Schema.TaggedError<KeysUnavailable>()("KeysUnavailable", {
  cause: Schema.Defect()
}) {
  readonly retryable = true
}

export class KeyStoreError extends Schema.TaggedError<KeyStoreError>()("KeyStoreError", {
  operation: Schema.Literals(["find"]),
  reason: KeysUnavailable
}) {
  get retryable(): boolean {
    return this.reason.retryable
  }
}

export type KeyScope = "write" | "read" | "admin"

export interface ApiKey {
  readonly project_id: string
  readonly scope: KeyScope
  /** The first characters, safe to log. */
  readonly prefix: string
}

/** API keys by hash; the store never sees a key. */
export class KeyStore extends Context.Service<
  KeyStore,
  {
    /** `hash`: lower-case hex SHA-256 of the key. */
    readonly find: (hash: string) => Effect.Effect<Option.Option<ApiKey>, KeyStoreError>
  }
>()("@millrace/core/port/KeyStore") {}
