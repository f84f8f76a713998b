import { type Durability, type EventStore, type EventStoreError, makeDirectQueue } from "@millrace/core"
import { Effect, type Semaphore } from "effect"
import type { Database } from "./client.ts"
import type { Erasures } from "./erasures.ts"
import { DriverFailure, storeFailed } from "./errors.ts"
import { makeLetters } from "./deadLetters.ts"

/** The queue of the profile without one: the 202 follows the commit here. */
export const makeDirect = Effect.fnUntraced(function* (
  database: Database,
  { tombstones }: Erasures,
  { replaying, store }: { readonly replaying: Semaphore.Semaphore; readonly store: EventStore["Service"] }
) {
  const durability = yield* durabilityOf(database).pipe(Effect.mapError(storeFailed("open")))
  const parts = { ...makeLetters(database, tombstones, replaying), tombstones, durability, wroteNothing }
  return yield* makeDirectQueue(store, parts)
})

/** Every commit waits for its flush (`synchronous_commit` is never `off` here); whether a flush reaches the disk, `fsync` says. */
const durabilityOf = (database: Database): Effect.Effect<Durability, DriverFailure> =>
  database
    .use((connection) => connection.rows({ text: "SELECT current_setting('fsync') AS fsync" }))
    .pipe(Effect.map(([row]) => (row?.["fsync"] === "on" ? "fsync" : "process-crash")))

/** Not even connected. */
const NOT_SENT = new Set(["ECONNREFUSED", "ENOTFOUND", "EHOSTUNREACH", "ENETUNREACH"])

const wroteNothing = ({ reason }: EventStoreError): boolean =>
  reason.cause instanceof DriverFailure && NOT_SENT.has(reason.cause.code)
