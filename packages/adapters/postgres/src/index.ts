import { accounts } from "./accounts.ts"
import { restorer } from "./backup/restore.ts"
import { keys } from "./keys.ts"
import { behind, direct, layer } from "./store.ts"
import { warehouse } from "./warehouse/warehouse.ts"

export type { PostgresOptions } from "./config.ts"
export { type Horizon, PostgresStatus, type Totals } from "./status.ts"
export type { PostgresWarehouseOptions } from "./warehouse/config.ts"

/**
 * `Postgres.layer({ url })`: the hot store, and what to watch of it. `Postgres.direct({ url })`: the same, with a queue that
 * commits there. `Postgres.behind({ url })`: the same behind another queue, with dead letters for what the warehouse
 * refuses. `Postgres.restorer({ url })` puts back what was copied from one of the first two. `Postgres.warehouse({ url })`:
 * all metrics. `Postgres.keys({ url })`: API keys; `Postgres.accounts({ url })`: accounts.
 */
export const Postgres = { accounts, behind, direct, keys, layer, restorer, warehouse }
