import {
  EventStore,
  EventStoreError,
  StoreErasure,
  StoreLedger,
  type StoreServices,
  StoreUnavailable,
  Warehouse,
  WarehouseErasure,
  WarehouseError,
  WarehouseLedger,
  type WarehouseServices,
  WarehouseUnavailable
} from "@millrace/core"
import { Context, Effect, Layer } from "effect"

const because = (what: string) => new Error(`no role of this process opens the ${what}`)

const noStore = (operation: EventStoreError["operation"]) =>
  Effect.fail(new EventStoreError({ operation, reason: new StoreUnavailable({ cause: because("hot store") }) }))

/** Store of a process whose roles need none: it is not even connected to. */
export const unopenedStore: Layer.Layer<StoreServices> = Layer.succeedContext(
  Context.make(EventStore, {
    append: () => noStore("append"),
    replay: () => noStore("replay"),
    prune: () => noStore("prune")
  }).pipe(
    Context.add(StoreLedger, { unstored: () => noStore("unstored"), backlog: () => noStore("backlog") }),
    Context.add(StoreErasure, { erase: () => noStore("erase") })
  )
)

const noWarehouse = (operation: WarehouseError["operation"]) =>
  Effect.fail(new WarehouseError({ operation, reason: new WarehouseUnavailable({ cause: because("warehouse") }) }))

/** Warehouse of a process that is not its owner. */
export const unopenedWarehouse: Layer.Layer<WarehouseServices> = Layer.succeedContext(
  Context.make(Warehouse, {
    load: () => noWarehouse("load"),
    rehearse: () => noWarehouse("load"),
    watermark: noWarehouse("watermark"),
    answer: () => noWarehouse("answer"),
    person: () => noWarehouse("person"),
    history: () => noWarehouse("history")
  }).pipe(
    Context.add(WarehouseLedger, { counts: noWarehouse("counts") }),
    Context.add(WarehouseErasure, { erase: () => noWarehouse("erase") })
  )
)
