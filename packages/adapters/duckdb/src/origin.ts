import type { ByProject, Cursor } from "@millrace/core"
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

export const bindStore = (writer: Connection, store: string) =>
  Effect.asVoid(writer.rows("UPDATE origin SET store = $1", [store]))

/** Of a copy: it is another warehouse, and goes on in whichever store it is put beside. */
export const UNBIND = "UPDATE origin SET id = uuid()::VARCHAR, store = NULL"

export const goOnAt = (writer: Connection, cursor: Cursor) =>
  Effect.asVoid(writer.rows("UPDATE watermark SET cursor = $1, as_of = 0", [cursor]))

export const loadAgain = (writer: Connection, counted: ByProject) =>
  inTransaction(
    writer,
    Effect.gen(function* () {
      yield* writer.rows("DELETE FROM counts")
      yield* writer.rows(
        "INSERT INTO counts SELECT key AS project_id, value::BIGINT AS stored, 0 AS duplicates FROM json_each($1::JSON)",
        [JSON.stringify(counted)]
      )
      yield* goOnAt(writer, "")
      yield* writer.rows("UPDATE origin SET reloading = true")
    })
  )

export const RELOADED = "UPDATE origin SET reloading = false"
