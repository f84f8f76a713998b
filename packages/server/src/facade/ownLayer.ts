import {
  DeadLetters,
  EventQueue,
  EventStore,
  QueueErasure,
  QueueLedger,
  QueueObservation,
  StoreErasure,
  StoreLedger,
  Warehouse,
  WarehouseErasure,
  WarehouseLedger
} from "@millrace/core"
import { Context, Effect, Layer, Option } from "effect"
import type { AdapterServices } from "../adapters/registry.ts"
import { refuseArgument } from "./options.ts"

const NEEDED: Readonly<Record<string, Context.Key<unknown, unknown>>> = {
  EventQueue,
  DeadLetters,
  QueueLedger,
  QueueErasure,
  QueueObservation,
  EventStore,
  StoreLedger,
  StoreErasure,
  Warehouse,
  WarehouseLedger,
  WarehouseErasure
}

/** Adapters of the caller's own. The types refuse a layer that lacks a service; in plain JavaScript this does. */
export const ownLayer = (layer: Layer.Layer<AdapterServices, unknown>): Layer.Layer<AdapterServices, unknown> =>
  Layer.provideMerge(
    Layer.effectDiscard(
      Effect.flatMap(Effect.context(), (context) => {
        const missing = Object.entries(NEEDED).filter(([, service]) =>
          Option.isNone(Context.getOption(context, service))
        )
        return missing.length === 0
          ? Effect.void
          : Effect.fail(refuseArgument("layer", `does not provide ${missing.map(([name]) => name).join(", ")}`))
      })
    ),
    layer
  )
