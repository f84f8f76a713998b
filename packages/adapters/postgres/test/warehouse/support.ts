import {
  type EventBatch,
  type SqlText,
  Warehouse,
  WarehouseErasure,
  WarehouseLedger,
  WarehouseOrigin,
  type WarehouseServices
} from "@millrace/core"
import type { PostgresServer } from "@millrace/test-services"
import { it } from "@effect/vitest"
import { Context, Effect, type Scope } from "effect"
import { Postgres, type PostgresWarehouseOptions } from "../../src/index.ts"
import { connect, type Place } from "../support.ts"

export type Services = WarehouseServices | WarehouseOrigin

/** Services of a warehouse in one hand. */
export const wholeOf = (context: Context.Context<Services>) => ({
  ...Context.get(context, Warehouse),
  ...Context.get(context, WarehouseLedger),
  ...Context.get(context, WarehouseErasure),
  origin: Context.get(context, WarehouseOrigin)
})
export const whole = Effect.map(Effect.context<Services>(), wholeOf)

/** Each law has a database of its own. */
export const lawOn =
  (server: () => PostgresServer) =>
  <E>(
    title: string,
    body: (place: Place) => Effect.Effect<void, E, Services | Scope.Scope>,
    options: Partial<PostgresWarehouseOptions> = {}
  ) =>
    it.live(title, () =>
      Effect.gen(function* () {
        const url = yield* Effect.promise(() => server().createDatabase())
        return yield* Effect.scoped(
          Effect.flatMap(connect(url, "millrace_warehouse"), (sql) => body({ url, sql }))
        ).pipe(Effect.provide(Postgres.warehouse({ url, ...options })))
      })
    )

export const page = (cursor: string, ...batches: ReadonlyArray<EventBatch>) => ({ batches, cursor, duplicates: {} })

/** Asks in SQL for rows as they are. */
export const raw = (text: SqlText) =>
  Warehouse.use((warehouse) =>
    warehouse.answer<ReadonlyArray<unknown>>({
      project_id: "default",
      sql: () => text,
      shape: (rows) => rows,
      reference: () => []
    })
  )
