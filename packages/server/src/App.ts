import { Pipeline, type EventQueue, type EventStore, type PipelineOptions, type Warehouse } from "@millrace/core"
import { layerMemoryKeyStore } from "@millrace/core/memory"
import { Layer, Metric } from "effect"
import type { Keys } from "./config.ts"
import { Access } from "./http/Access.ts"
import { BodyBudget } from "./http/BodyBudget.ts"
import { Gate } from "./http/Gate.ts"
import { StatsOwner, type StatsOwnerOptions } from "./http/StatsOwner.ts"
import { Telemetry } from "./http/Telemetry.ts"
import { loopsOf, type Role } from "./roles.ts"

export interface AppOptions {
  readonly roles: ReadonlyArray<Role>
  /** Who answers statistics, when this process does not. */
  readonly statsOwner?: StatsOwnerOptions | undefined
  readonly keys: Keys
  readonly maxInFlightBytes: number
  /** Keyless servers answer to loopback names alone; a handler inside another server leaves names to that server. */
  readonly guardHost: boolean
  readonly pipeline?: Partial<PipelineOptions>
}

/** What the routes need besides the adapters; the pipeline works for as long as this lives. */
export const appLayer = (
  options: AppOptions
): Layer.Layer<Access | Gate | Pipeline | StatsOwner | Telemetry, never, EventQueue | EventStore | Warehouse> => {
  const keyed = options.keys.size > 0
  const access = keyed ? Access.keyed.pipe(Layer.provide(layerMemoryKeyStore(options.keys))) : Access.keyless
  const gate = Layer.sync(Gate, () => ({
    roles: options.roles,
    budget: new BodyBudget(options.maxInFlightBytes),
    loopbackNamesOnly: options.guardHost && !keyed,
    openReads: keyed,
    state: { closing: false }
  }))
  return Layer.mergeAll(
    access,
    gate,
    StatsOwner.layer(options.statsOwner),
    Telemetry.layer,
    Pipeline.layer({ loops: loopsOf(options.roles), ...options.pipeline })
  )
}

/** A registry of its own: two servers in one process must not count into each other. */
export const metricRegistry = Layer.sync(Metric.MetricRegistry, () => new Map())
