import { reader, verify } from "./reader.ts"
import { layer } from "./warehouse.ts"

export type { DuckDbOptions } from "./config.ts"

/**
 * `DuckDb.layer({ path })`: a Warehouse in one file. `DuckDb.reader({ path })`: the same, and the file stays as it is.
 * `DuckDb.verify(path)` reads all of one, and changes nothing.
 */
export const DuckDb = { layer, reader, verify }
