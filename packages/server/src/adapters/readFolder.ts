import { Effect, Layer } from "effect"
import { join } from "node:path"
import type { AdapterFailure, AdapterServices } from "./registry.ts"
import { checkStore } from "./checkStore.ts"
import { lazily } from "./lazily.ts"
import { ownFolder } from "./ownFolder.ts"

/**
 * Log and warehouse of a data folder that no server has, to be asked: the folder is this process's meanwhile, and not one byte
 * of them is changed. What the log has and the warehouse has not is in no answer but the ledger's.
 */
export const readFolder = (directory: string): Layer.Layer<AdapterServices, AdapterFailure> => {
  const log = lazily(
    "@millrace/embedded",
    () => import("@millrace/embedded"),
    (it) => it.Embedded.reader({ directory: join(directory, "log") })
  )
  const warehouse = lazily(
    "@millrace/duckdb",
    () => import("@millrace/duckdb"),
    (it) => it.DuckDb.reader({ path: join(directory, "warehouse.duckdb") })
  )
  return Layer.provideMerge(checkStore, Layer.unwrap(Effect.as(ownFolder(directory), Layer.merge(log, warehouse))))
}
