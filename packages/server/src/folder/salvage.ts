import { existsSync } from "node:fs"
import { cp, mkdir, readdir } from "node:fs/promises"
import { join } from "node:path"
import { folderOwner, ownerText } from "@millrace/core/node"
import type { Salvaged, Verdict } from "@millrace/embedded"
import { Effect, Schema } from "effect"

/** Nothing was copied. */
export class SalvageRefused extends Schema.TaggedError<SalvageRefused>()("SalvageRefused", {
  message: Schema.String
}) {}

export interface SalvagedFolder {
  readonly logs: ReadonlyArray<Salvaged & { readonly name: string }>
  /** Names that were copied as they are. */
  readonly copied: ReadonlyArray<string>
  /** What was not copied, and why. */
  readonly left: ReadonlyArray<string>
}

/** Of a process that is gone. */
const isPassing = (name: string) =>
  name.startsWith("lock") || name.startsWith(`${WAREHOUSE}.tmp`) || name.endsWith(".fresh")

/** Copies what can be had of a data folder into a new one. The old one is only read, and nothing is ever overwritten. */
export const salvageFolder = Effect.fn("salvageFolder")(function* (from: string, to: string) {
  yield* refuse(from, to)
  const { salvageLog } = yield* Effect.promise(() => import("@millrace/embedded"))
  const attempt = <A>(task: () => Promise<A>) =>
    Effect.tryPromise({ try: task, catch: (cause) => new SalvageRefused({ message: String(cause) }) })
  yield* attempt(() => mkdir(to, { recursive: true, mode: 0o700 }))
  const { cursor, verdict: warehouse } = yield* verifyWarehouse(join(from, WAREHOUSE))
  const loadedUpTo = /^\d{1,15}$/u.test(cursor) ? Number(cursor) : 0
  const logs: Array<Salvaged & { readonly name: string }> = []
  for (const name of LOGS.filter((log) => existsSync(join(from, log)))) {
    logs.push({
      name,
      ...(yield* attempt(() => salvageLog({ from: join(from, name), to: join(to, name), loadedUpTo })))
    })
    const erasures = join(name, "erasures.json")
    if (existsSync(join(from, erasures))) yield* attempt(() => cp(join(from, erasures), join(to, erasures)))
  }
  const isLeft = (name: string) => isPassing(name) || (!warehouse.ok && name.startsWith(WAREHOUSE))
  const names = (yield* attempt(() => readdir(from))).filter((name) => !LOGS.includes(name) && !isLeft(name))
  for (const name of names) yield* attempt(() => cp(join(from, name), join(to, name), { recursive: true }))
  const left = warehouse.ok ? [] : [`${warehouse.detail}; a start makes a new one, of what the log holds`]
  return { logs, copied: names, left } satisfies SalvagedFolder
})

const refuse = Effect.fnUntraced(function* (from: string, to: string) {
  const owned = folderOwner(from)
  if (owned !== undefined) {
    return yield* new SalvageRefused({ message: `${from} is owned by ${ownerText(owned.owner)}: stop it first` })
  }
  if (!existsSync(from)) return yield* new SalvageRefused({ message: `there is no data folder ${from}` })
  const there = yield* Effect.promise(() => readdir(to).catch(() => []))
  if (there.length > 0) return yield* new SalvageRefused({ message: `${to} holds something: name a new folder` })
})

/** A queue and store in one, or the queue alone beside another store. */
const LOGS = ["log", "queue"]
const WAREHOUSE = "warehouse.duckdb"

/** Verifies a data folder: what is sound and what is not. All of it is read, and nothing in it is changed. */
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
const verifyWarehouse = Effect.fn("verifyWarehouse")(function* (path: string) {
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
