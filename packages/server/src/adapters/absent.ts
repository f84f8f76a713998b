import {
  EventStore,
  EventStoreError,
  StoreUnavailable,
  Warehouse,
  WarehouseError,
  WarehouseUnavailable
} from "@millrace/core"
import { Effect, Layer } from "effect"

const because = (what: string) => new Error(`no role of this process opens the ${what}`)

const noStore = (operation: EventStoreError["operation"]) =>
  Effect.fail(new EventStoreError({ operation, reason: new StoreUnavailable({ cause: because("hot store") }) }))

/** In a process whose roles need no hot store: it is not even connected to. */
export const absentStore: Layer.Layer<EventStore> = Layer.succeed(EventStore, {
  append: () => noStore("append"),
  unstored: () => noStore("unstored"),
  replay: () => noStore("replay"),
  backlog: () => noStore("backlog"),
  prune: () => noStore("prune"),
  erase: () => noStore("erase")
})

const noWarehouse = (operation: WarehouseError["operation"]) =>
  Effect.fail(new WarehouseError({ operation, reason: new WarehouseUnavailable({ cause: because("warehouse") }) }))

/** In a process that is not the warehouse's owner. */
export const absentWarehouse: Layer.Layer<Warehouse> = Layer.succeed(Warehouse, {
  load: () => noWarehouse("load"),
  rehearse: () => noWarehouse("load"),
  watermark: noWarehouse("watermark"),
  counts: noWarehouse("counts"),
  answer: () => noWarehouse("answer"),
  person: () => noWarehouse("person"),
  history: () => noWarehouse("history"),
  erase: () => noWarehouse("erase")
})
