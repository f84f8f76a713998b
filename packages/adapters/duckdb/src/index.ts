import { layer } from "./warehouse.ts"

export type { DuckDbOptions } from "./config.ts"

/** `DuckDb.layer({ path })`: a Warehouse in one file. */
export const DuckDb = { layer }
