import { existsSync } from "node:fs"
import { join } from "node:path"
import { folderOwner, ownerText } from "@millrace/core/node"
import type { Verdict } from "@millrace/embedded"
import { Effect } from "effect"

/** A queue and store in one, or the queue alone beside another store. */
export const LOGS = ["log", "queue"]
export const WAREHOUSE = "warehouse.duckdb"

/** What is sound in a data folder and what is not. It is read, all of it, and nothing in it is changed. */
export const verifyFolder = Effect.fn("verifyFolder")(function* (directory: string) {
  const owned = folderOwner(directory)
  if (owned !== undefined) {
    const detail = `${directory} is owned by ${ownerText(owned.owner)}: what it is writing cannot be read whole; stop it first`
    return [{ part: "owner", ok: false, detail }] satisfies ReadonlyArray<Verdict>
  }
  const { verifyAccess, verifyLog } = yield* Effect.promise(() => import("@millrace/embedded"))
  const found: Array<Verdict> = []
  for (const log of LOGS.filter((name) => existsSync(join(directory, name)))) {
    const verdicts = yield* Effect.promise(() => verifyLog(join(directory, log)))
    found.push(
      ...verdicts.map((verdict) => (log === "log" ? verdict : { ...verdict, part: `${log}: ${verdict.part}` }))
    )
  }
  found.push(...(yield* Effect.promise(() => verifyAccess(join(directory, "keys")))))
  found.push((yield* verifyWarehouse(join(directory, WAREHOUSE))).verdict)
  return found
})

interface VerifiedWarehouse {
  readonly verdict: Verdict
  /** Up to where the hot store is loaded. */
  readonly cursor: string
}

/** A folder without one gets it at the next start, filled from what the log holds. */
export const verifyWarehouse = Effect.fn("verifyWarehouse")(function* (path: string) {
  const none: VerifiedWarehouse = { verdict: { part: "warehouse", ok: true, detail: "there is none" }, cursor: "" }
  if (!existsSync(path)) return none
  const { DuckDb } = yield* Effect.promise(() => import("@millrace/duckdb"))
  return yield* Effect.match(DuckDb.verify(path), {
    onSuccess: ({ cursor, events }): VerifiedWarehouse => ({
      verdict: { part: "warehouse", ok: true, detail: `${events} events, every block is sound` },
      cursor
    }),
    onFailure: (failure): VerifiedWarehouse => ({
      verdict: { part: "warehouse", ok: false, detail: `${path}: ${failure.message}` },
      cursor: ""
    })
  })
})
