import { everyMillis, superviseLoop, Tombstones } from "@millrace/core"
import { keyedHash } from "@millrace/core/node"
import { Effect, type Scope } from "effect"
import type { Database } from "./client.ts"
import type { DriverFailure } from "./errors.ts"

/** Who was erased, as this process knows it. */
export interface Erasures {
  readonly tombstones: Tombstones
  /** The highest number read so far. */
  readonly upTo: () => number
  /** Reads those that came since. */
  readonly refresh: Effect.Effect<void, DriverFailure>
}

/** Other processes erase as well; appends look for themselves, this is for what only asks. */
const REFRESH_EVERY_MILLIS = 5_000

export const openErasures = Effect.fnUntraced(function* (
  database: Database
): Effect.fn.Return<Erasures, DriverFailure, Scope.Scope> {
  const [state] = yield* database.use((connection) =>
    connection.rows({ text: "SELECT encode(key, 'hex') AS key FROM erasure_state" })
  )
  const tombstones = new Tombstones(keyedHash(new Uint8Array(Buffer.from(String(state?.["key"]), "hex"))))
  let upTo = 0
  const refresh = Effect.map(
    Effect.suspend(() => database.use((connection) => connection.rows(READ, [upTo]))),
    (rows) => {
      for (const row of rows) {
        tombstones.set({ hash: String(row["hash"]), until: Number(row["until"]) })
        upTo = Math.max(upTo, Number(row["n"]))
      }
    }
  )
  yield* refresh
  yield* superviseLoop(everyMillis("erasures", REFRESH_EVERY_MILLIS), Effect.as(refresh, REFRESH_EVERY_MILLIS))
  return { tombstones, upTo: () => upTo, refresh }
})

const READ = { name: "read_erasures", text: "SELECT n, hash, until FROM erasures WHERE n > $1::bigint ORDER BY n" }
