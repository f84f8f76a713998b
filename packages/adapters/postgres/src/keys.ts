import { type ApiKey, type KeyScope, KeysUnavailable, KeyStore, KeyStoreError, type StoredApiKey } from "@millrace/core"
import { Clock, Effect, Layer, Option } from "effect"
import { type Database, openDatabase, type Row } from "./client.ts"
import { defaults, type PostgresOptions } from "./config.ts"
import type { DriverFailure } from "./errors.ts"
import { migrate } from "./migrate.ts"

/** A key is looked up a few times a minute; see the server's cache. */
const CONNECTIONS = 2

/** API keys in a pool of connections of their own: nothing that the store does holds a request's key check up. */
export const keys = (options: PostgresOptions): Layer.Layer<KeyStore, KeyStoreError> =>
  Layer.effect(
    KeyStore,
    Effect.gen(function* () {
      const database = yield* openDatabase({ ...defaults, connections: CONNECTIONS, ...options })
      yield* Effect.mapError(migrate(database), failed("open"))
      return makeKeyStore(database)
    })
  )

const HASH = /^[0-9a-f]{64}$/u

const bytesOf = (hash: string) => Buffer.from(hash, "hex")
const nowMicros = Effect.map(Clock.currentTimeMillis, (millis) => millis * 1000)

const makeKeyStore = (database: Database): KeyStore["Service"] =>
  KeyStore.of({
    find: (hash) =>
      HASH.test(hash)
        ? database
            .use((connection) => connection.rows(FIND, [bytesOf(hash)]))
            .pipe(
              Effect.map((rows) => Option.map(Option.fromUndefinedOr(rows[0]), toKey)),
              Effect.mapError(failed("find"))
            )
        : Effect.succeedNone,
    create: ({ hash, origins, prefix, project_id, scope }) =>
      Effect.gen(function* () {
        const values = [bytesOf(hash), project_id, scope, prefix, yield* nowMicros, origins]
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
        const values = [bytesOf(hash), yield* nowMicros]
        const rows = yield* database.use((connection) => connection.rows(REVOKE, values))
        return rows.length === 1
      }).pipe(Effect.mapError(failed("revoke")))
  })

const FIND = {
  name: "find_key",
  text: "SELECT project_id, scope, prefix, to_json(origins) AS origins FROM api_keys WHERE hash = $1 AND revoked_at IS NULL"
}

const CREATE = {
  text: `
    INSERT INTO api_keys (hash, project_id, scope, prefix, created_at, origins) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT DO NOTHING RETURNING 1`
}
const LIST = {
  text: `
    SELECT encode(hash, 'hex') AS hash, project_id, scope, prefix, to_json(origins) AS origins, created_at, revoked_at FROM api_keys
    WHERE project_id = coalesce($1, project_id) ORDER BY created_at, hash`
}
const REVOKE = { text: "UPDATE api_keys SET revoked_at = $2 WHERE hash = $1 AND revoked_at IS NULL RETURNING 1" }

const failed = (operation: KeyStoreError["operation"]) => (cause: DriverFailure) =>
  new KeyStoreError({ operation, reason: new KeysUnavailable({ cause }) })

/** The table's own checks keep `scope` to the three, and `origins` an array of text. */
const toKey = (row: Row): ApiKey => ({
  project_id: String(row["project_id"]),
  scope: row["scope"] as KeyScope,
  prefix: String(row["prefix"]),
  origins: row["origins"] as ReadonlyArray<string>
})

const toStoredKey = (row: Row): StoredApiKey => ({
  ...toKey(row),
  hash: String(row["hash"]),
  created_at: Number(row["created_at"]),
  revoked_at: row["revoked_at"] === null ? undefined : Number(row["revoked_at"])
})
