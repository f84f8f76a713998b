import type { PlantedBug } from "@millrace/test-services"
import type { Theme } from "./Schedule.ts"

export interface Mutant extends PlantedBug {
  /** Of the schedules that are to find it. */
  readonly theme: Theme
  /** Where the theme's usual one does not do. */
  readonly outageMillis?: number
}

export const mutants: ReadonlyArray<Mutant> = [
  {
    name: "ack before insert",
    file: "packages/core/src/flow/drain.ts",
    search: "queue.take({ ...options, exhausted })",
    replace: "Effect.scoped(queue.take({ ...options, exhausted }))",
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
    file: "packages/core/src/flow/ledger.ts",
    search: "store.backlog(cursor, counted.inFlight)",
    replace: "store.backlog(cursor)",
    theme: "workers"
  },
  {
    name: "lost events that are not counted",
    file: "packages/core/src/kit/account/lose.ts",
    search: "  return missing.ranges\n",
    replace: "  return missing.ranges.slice(missing.ranges.length)\n",
    theme: "purge"
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
    file: "packages/core/src/flow/drain.ts",
    search: "queue.take({ ...options, exhausted })",
    replace: "queue.take(options)",
    theme: "killer"
  },
  {
    name: "attempts burnt by an outage",
    file: "packages/core/src/flow/Pipeline.ts",
    search: "failed = Exit.isFailure(exit)",
    replace: "failed = false",
    theme: "outage",
    outageMillis: 30_000
  }
]
