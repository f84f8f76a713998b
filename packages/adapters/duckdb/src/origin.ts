import type { WarehouseOrigin } from "@millrace/core"
import { Effect } from "effect"
import type { Connection } from "./client.ts"
import { inTransaction } from "./migrate.ts"

/** Which store fills this warehouse. */
export interface Origin {
  readonly id: string
  readonly store: string | undefined
  /** All of the store is loaded once more: what is here already is counted as stored. */
  readonly reloading: boolean
}

export const readOrigin = (connection: Connection) =>
  Effect.map(
    connection.rows("SELECT encode(id) AS id, encode(store) AS store, reloading FROM origin"),
    ([row]): Origin => ({
      id: String(row?.["id"]),
      store: typeof row?.["store"] === "string" ? row["store"] : undefined,
      reloading: row?.["reloading"] === true
    })
  )

export const bindStore = (writer: Connection, store: string | undefined) =>
  Effect.asVoid(writer.rows("UPDATE origin SET store = $1", [store ?? null]))

/** Of a copy: it is another warehouse, and goes on in whichever store it is put beside. */
export const UNBIND = "UPDATE origin SET id = uuid()::VARCHAR, store = NULL"

type Restart = Parameters<WarehouseOrigin["Service"]["restart"]>[0]

/** The next page is another one than that behind the last; what was counted goes with it. */
export const restart = (writer: Connection, { counted, cursor, lost = {} }: Restart) =>
  inTransaction(
    writer,
    Effect.gen(function* () {
      if (counted !== undefined) yield* writer.rows("DELETE FROM counts")
      yield* writer.rows(ADD_COUNTS, [JSON.stringify(counted ?? {}), JSON.stringify(lost)])
      yield* writer.rows("UPDATE watermark SET cursor = $1, as_of = 0", [cursor])
      yield* writer.rows("UPDATE origin SET reloading = $1", [counted !== undefined])
    })
  )

const ADD_COUNTS = `
  INSERT INTO counts AS known (project_id, stored, duplicates, lost)
  SELECT project_id, SUM(stored), 0, SUM(lost) FROM (
    SELECT key AS project_id, value::BIGINT AS stored, 0 AS lost FROM json_each($1::JSON)
    UNION ALL SELECT key, 0, value::BIGINT FROM json_each($2::JSON)
  ) AS given GROUP BY project_id
  ON CONFLICT (project_id) DO UPDATE SET stored = known.stored + excluded.stored, lost = known.lost + excluded.lost`

export const RELOADED = "UPDATE origin SET reloading = false"
