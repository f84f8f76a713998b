import { direct, layer } from "./store.ts"

export type { PostgresOptions } from "./config.ts"
export { ApiKeyError, ApiKeys, type StoredApiKey } from "./keys.ts"
export { type Horizon, PostgresStatus, type Totals } from "./status.ts"

/**
 * `Postgres.layer({ url })`: the hot store, API keys, and what to watch of them. `Postgres.direct({ url })`: the same, with
 * a queue that commits there.
 */
export const Postgres = { direct, layer }
