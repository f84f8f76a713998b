import { keys } from "./keys.ts"
import { direct, layer } from "./store.ts"

export type { PostgresOptions } from "./config.ts"
export { type Horizon, PostgresStatus, type Totals } from "./status.ts"

/**
 * `Postgres.layer({ url })`: the hot store, and what to watch of it. `Postgres.direct({ url })`: the same, with a queue that
 * commits there. `Postgres.keys({ url })`: API keys.
 */
export const Postgres = { direct, layer, keys }
