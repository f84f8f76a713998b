import { verify } from "./verify.ts"
import { layer } from "./warehouse.ts"

export type { DuckDbOptions } from "./config.ts"

/** `DuckDb.layer({ path })`: a Warehouse in one file. `DuckDb.verify(path)` reads all of one, and changes nothing. */
export const DuckDb = { layer, verify }
