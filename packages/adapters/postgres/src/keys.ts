import { type ApiKey, type KeyScope, KeysUnavailable, KeyStore, KeyStoreError } from "@millrace/core"
import { Clock, Context, Effect, Option, Schema } from "effect"
import type { Database, Row } from "./client.ts"
import type { DriverFailure } from "./failure.ts"

export class ApiKeyError extends Schema.TaggedError<ApiKeyError>()("ApiKeyError", {
  operation: Schema.Literals(["create", "list", "revoke"]),
  reason: KeysUnavailable
}) {
  get retryable(): boolean {
    return this.reason.retryable
  }
}

/** As the store keeps it: `hash` names the key, nothing here opens anything. */
export interface StoredApiKey extends ApiKey {
  /** Lower-case hex SHA-256 of the key. */
  readonly hash: string
  /** UTC microseconds. */
  readonly created_at: number
  readonly revoked_at: number | undefined
}

/** Making and revoking API keys; what {@link KeyStore} finds. The key itself never comes here, only its hash. */
export class ApiKeys extends Context.Service<
  ApiKeys,
  {
    /** False when the hash is there already; nothing is changed then. */
    readonly create: (key: ApiKey & { readonly hash: string }) => Effect.Effect<boolean, ApiKeyError>
    /** Oldest first, revoked ones included. */
    readonly list: (project_id?: string) => Effect.Effect<ReadonlyArray<StoredApiKey>, ApiKeyError>
    /** False when there is no such key, or it was revoked before. */
    readonly revoke: (hash: string) => Effect.Effect<boolean, ApiKeyError>
  }
>()("@millrace/postgres/ApiKeys") {}

const HASH = /^[0-9a-f]{64}$/u

export const makeKeyStore = (database: Database): KeyStore["Service"] =>
  KeyStore.of({
    find: (hash) =>
      HASH.test(hash)
        ? database
            .use((connection) => connection.rows(FIND, [Buffer.from(hash, "hex")]))
            .pipe(
              Effect.map((rows) => Option.fromUndefinedOr(rows[0]).pipe(Option.map(toKey))),
              Effect.mapError(
                (cause) => new KeyStoreError({ operation: "find", reason: new KeysUnavailable({ cause }) })
              )
            )
        : Effect.succeedNone
  })

const FIND = {
  name: "find_key",
  text: "SELECT project_id, scope, prefix FROM api_keys WHERE hash = $1 AND revoked_at IS NULL"
}

export const makeApiKeys = (database: Database): ApiKeys["Service"] =>
  ApiKeys.of({
    create: ({ hash, prefix, project_id, scope }) =>
      Effect.gen(function* () {
        const now = (yield* Clock.currentTimeMillis) * 1000
        const values = [Buffer.from(hash, "hex"), project_id, scope, prefix, now]
        const rows = yield* database.use((connection) => connection.rows(CREATE, values))
        return rows.length === 1
      }).pipe(Effect.mapError(failed("create"))),
    list: (project_id) =>
      database
        .use((connection) => connection.rows(LIST, [project_id ?? null]))
        .pipe(
          Effect.map((rows) => rows.map(toStoredKey)),
          Effect.mapError(failed("list"))
        ),
    revoke: (hash) =>
      Effect.gen(function* () {
        const now = (yield* Clock.currentTimeMillis) * 1000
        const rows = yield* database.use((connection) => connection.rows(REVOKE, [Buffer.from(hash, "hex"), now]))
        return rows.length === 1
      }).pipe(Effect.mapError(failed("revoke")))
  })

const CREATE = {
  text: `
    INSERT INTO api_keys (hash, project_id, scope, prefix, created_at) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT DO NOTHING RETURNING 1`
}
const LIST = {
  text: `
    SELECT encode(hash, 'hex') AS hash, project_id, scope, prefix, created_at, revoked_at FROM api_keys
    WHERE project_id = coalesce($1, project_id) ORDER BY created_at, hash`
}
const REVOKE = { text: "UPDATE api_keys SET revoked_at = $2 WHERE hash = $1 AND revoked_at IS NULL RETURNING 1" }

const failed = (operation: ApiKeyError["operation"]) => (cause: DriverFailure) =>
  new ApiKeyError({ operation, reason: new KeysUnavailable({ cause }) })

/** The table's own check keeps `scope` to the three. */
const toKey = (row: Row): ApiKey => ({
  project_id: String(row["project_id"]),
  scope: row["scope"] as KeyScope,
  prefix: String(row["prefix"])
})

const toStoredKey = (row: Row): StoredApiKey => ({
  ...toKey(row),
  hash: String(row["hash"]),
  created_at: Number(row["created_at"]),
  revoked_at: row["revoked_at"] === null ? undefined : Number(row["revoked_at"])
})
