import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import type { Theme } from "./Schedule.ts"

/** A bug planted by one replacement in one file: what the schedules must be able to find. */
export interface Mutant {
  readonly name: string
  readonly file: string
  /** Stands in the file exactly once. */
  readonly search: string
  readonly replace: string
  /** Of the schedules that are to find it. */
  readonly theme: Theme
  /** Where the theme's usual one does not do. */
  readonly outageMillis?: number
}

export const mutants: ReadonlyArray<Mutant> = [
  {
    name: "ack before insert",
    file: "packages/core/src/ingest/drain.ts",
    search: "yield* queue.take({ ...options, unstored })",
    replace: "yield* Effect.scoped(queue.take({ ...options, unstored }))",
    theme: "workers"
  },
  {
    name: "id watermark: the cursor passes transactions that still run",
    file: "packages/adapters/postgres/src/replay.ts",
    search: " AND xid < pg_snapshot_xmin(pg_current_snapshot())",
    replace: "",
    theme: "workers"
  },
  {
    name: "watermark outside the transaction of its rows",
    file: "packages/adapters/duckdb/src/load.ts",
    search: "const loaded = yield* insertFresh(connection, { file, hot, tombstones }, countOf(page.batches))",
    replace: `yield* connection.rows("UPDATE watermark SET cursor = $1", [page.cursor])
        yield* connection.rows("COMMIT")
        yield* connection.rows("BEGIN")
        const loaded = yield* insertFresh(connection, { file, hot, tombstones }, countOf(page.batches))`,
    theme: "owner"
  },
  {
    name: "replay with the old msgID",
    file: "packages/adapters/nats/src/deadLetters.ts",
    search: "for (const { sequence } of found) hash.update(`/${sequence}`)",
    replace: "",
    theme: "mixed"
  },
  {
    name: "ledger that counts what is stored and not acknowledged twice",
    file: "packages/core/src/ledger/ledger.ts",
    search: "store.backlog(cursor, counted.unsettled)",
    replace: "store.backlog(cursor)",
    theme: "workers"
  },
  {
    name: "leases renewed for ever",
    file: "packages/adapters/nats/src/Inbox.ts",
    search: "readonly #unanswered = new Set<string>()",
    replace: "readonly #unanswered = new (class extends Set<string> { delete() { return false } })()",
    theme: "services"
  },
  {
    name: "stored events among the dead letters",
    file: "packages/core/src/ingest/drain.ts",
    search: "yield* queue.take({ ...options, unstored })",
    replace: "yield* queue.take(options)",
    theme: "killer"
  },
  {
    name: "attempts burnt by an outage",
    file: "packages/core/src/pipeline/Pipeline.ts",
    search: "failed = Exit.isFailure(exit)",
    replace: "failed = false",
    theme: "outage",
    outageMillis: 30_000
  }
]

export const isApplicable = (root: string, { file, search }: Mutant): boolean =>
  readFileSync(join(root, file), "utf8").split(search).length === 2

const LEFT_OUT = new Set(["dist", "test", ".turbo"])

/** A copy of the packages' sources with the bug in it; dependencies are shared with the checkout. */
export const plant = (root: string, mutant: Mutant): { readonly root: string; readonly remove: () => void } => {
  if (!isApplicable(root, mutant)) throw new Error(`${mutant.name}: its place is not in ${mutant.file} exactly once`)
  const copy = mkdtempSync(join(tmpdir(), "millrace-mutant-"))
  cpSync(join(root, "packages"), join(copy, "packages"), {
    recursive: true,
    verbatimSymlinks: true,
    filter: (source) => !LEFT_OUT.has(basename(source))
  })
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"))
  const file = join(copy, mutant.file)
  writeFileSync(
    file,
    readFileSync(file, "utf8").replace(mutant.search, () => mutant.replace)
  )
  return { root: copy, remove: () => rmSync(copy, { recursive: true, force: true }) }
}
