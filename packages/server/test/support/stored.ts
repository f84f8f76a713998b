import { type Ask, sql, Warehouse } from "@millrace/core"
import type { QueueServices, StoreServices, WarehouseServices } from "@millrace/core"
import { Context, Effect, Exit, Layer, Scope } from "effect"
import { embedded, startServer, temporaryDirectory, type TestServer } from "./server.ts"

export interface Stored {
  readonly event_id: string
  readonly user_id: string
  readonly event_type: string
  readonly properties: unknown
  /** UTC microseconds. */
  readonly occurred_at: number
  readonly skew_micros: number
}

const rowsOf = (event_type: string): Ask<Stored> => ({
  project_id: "default",
  sql: ({ occurredAtMicros, text }) => sql`
    SELECT event_id, ${text(sql`user_id`)} AS user_id, ${text(sql`event_type`)} AS event_type,
      ${text(sql`properties`)} AS properties, ${occurredAtMicros} AS occurred_at, skew_micros
    FROM events WHERE project_id = ${"default"} AND (${event_type} = '' OR event_type = ${event_type})`,
  shape: (rows) =>
    rows.map((row) => ({
      event_id: String(row["event_id"]),
      user_id: String(row["user_id"]),
      event_type: String(row["event_type"]),
      properties: JSON.parse(String(row["properties"])) as unknown,
      occurred_at: Number(row["occurred_at"]),
      skew_micros: Number(row["skew_micros"])
    })),
  reference: () => []
})

/** A server whose warehouse can be read row by row. */
export const startReadable = async (): Promise<
  TestServer & {
    /** By id; of one type only where it is given. */
    readonly stored: (event_type?: string) => Promise<ReadonlyMap<string, Stored>>
  }
> => {
  const scope = await Effect.runPromise(Scope.make())
  const context: Context.Context<QueueServices | StoreServices | WarehouseServices> = await Effect.runPromise(
    Layer.buildWithScope(embedded(temporaryDirectory()), scope)
  )
  const server = await startServer({ adapters: Layer.succeedContext(context) })
  return {
    ...server,
    stored: async (event_type = "") => {
      const rows = await Effect.runPromise(Context.get(context, Warehouse).answer(rowsOf(event_type)))
      return new Map(rows.map((row) => [row.event_id, row]))
    },
    close: async () => {
      await server.close()
      await Effect.runPromise(Scope.close(scope, Exit.void))
    }
  }
}
