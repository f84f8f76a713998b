import { DuckDBInstance } from "@duckdb/node-api"
import { Effect } from "effect"
import { DriverFailure } from "./errors.ts"

/**
 * Reads every row of every table, so that each block's checksum is looked at, and changes nothing. Fails at the first that is not what was written.
 * No process may have the file open.
 */
export const verify = Effect.fn("DuckDb.verify")(function* (path: string) {
  return yield* Effect.tryPromise({ try: () => readWhole(path), catch: (cause) => new DriverFailure(cause) })
})

export interface Verified {
  readonly events: number
  /** Up to where the hot store was loaded. */
  readonly cursor: string
}

const readWhole = async (path: string): Promise<Verified> => {
  const instance = await DuckDBInstance.create(path, { access_mode: "READ_ONLY" })
  try {
    const connection = await instance.connect()
    try {
      const tables = await connection.runAndReadAll("SELECT table_name FROM duckdb_tables() WHERE NOT internal")
      for (const [name] of tables.getRows()) {
        // The names are the migrations'; a statement takes no table as a parameter.
        await connection.run(`SELECT max(hash(t)) FROM "${String(name)}" AS t`)
      }
      const found = await connection.runAndReadAll(
        "SELECT (SELECT count(*) FROM events), (SELECT max(cursor) FROM watermark)"
      )
      const [events, cursor] = found.getRows()[0] ?? []
      return { events: Number(events), cursor: typeof cursor === "string" ? cursor : "" }
    } finally {
      connection.closeSync()
    }
  } finally {
    instance.closeSync()
  }
}
