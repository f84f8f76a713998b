import { mkdir } from "node:fs/promises"
import { join } from "node:path"
import { FolderInUse, lockFolder } from "@millrace/core/node"
import { Effect, Layer, type Scope } from "effect"
import { checkStore } from "./roles.ts"
import { FolderTaken, FolderUnusable } from "./failures.ts"
import { lazyAdapter } from "./lazyAdapter.ts"
import type { AdapterFailure, AdapterServices } from "./registry.ts"

/** The data folder, made if need be, is this process's until the scope closes. */
export const ownFolder = (
  directory: string,
  instead?: string
): Effect.Effect<void, FolderTaken | FolderUnusable, Scope.Scope> => {
  const failed = (cause: unknown) => {
    if (!(cause instanceof FolderInUse)) return new FolderUnusable({ directory, cause })
    const { owner } = cause
    return new FolderTaken({
      directory,
      ...(owner === undefined ? {} : { owner }),
      ...(instead === undefined ? {} : { instead })
    })
  }
  const take = async () => {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    return lockFolder(directory)
  }
  return Effect.asVoid(
    Effect.acquireRelease(Effect.tryPromise({ try: take, catch: failed }), (release) => Effect.sync(release))
  )
}

/**
 * Log and warehouse of a data folder that no server has, to be asked: the folder is this process's meanwhile, and not
 * one byte of them is changed. What the log has and the warehouse has not is in no answer but the ledger's.
 */
export const readFolder = (directory: string): Layer.Layer<AdapterServices, AdapterFailure> => {
  const log = lazyAdapter(
    "@millrace/embedded",
    () => import("@millrace/embedded"),
    (it) => it.Embedded.reader({ directory: join(directory, "log") })
  )
  const warehouse = lazyAdapter(
    "@millrace/duckdb",
    () => import("@millrace/duckdb"),
    (it) => it.DuckDb.reader({ path: join(directory, "warehouse.duckdb") })
  )
  return Layer.provideMerge(checkStore, Layer.unwrap(Effect.as(ownFolder(directory), Layer.merge(log, warehouse))))
}
