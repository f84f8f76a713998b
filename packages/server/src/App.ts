import { LoopRegistry, Loops, Pipeline, type PipelineOptions } from "@millrace/core"
import { Effect, Layer, Metric, type Scope } from "effect"
import type { Authorize } from "./auth/authorize.ts"
import { Sessions } from "./auth/Sessions.ts"
import { Access, makeAccess } from "./auth/Access.ts"
import { BodyBudget } from "./http/BodyBudget.ts"
import { Admission } from "./http/Admission.ts"
import { StatsOwner, type StatsOwnerOptions } from "./routes/StatsOwner.ts"
import { Telemetry } from "./http/Telemetry.ts"
import { makeJobs } from "./http/Jobs.ts"
import type { KeyCache } from "./keys/KeyCache.ts"
import type { Limits } from "./limits/Limits.ts"
import type { AdapterServices } from "./adapters/registry.ts"
import { loopsOf, type Role } from "./adapters/roles.ts"

interface AppOptions<E = never> {
  readonly roles: ReadonlyArray<Role>
  /** Who answers statistics, when this process does not. */
  readonly statsOwner?: StatsOwnerOptions | undefined
  /** The API keys. */
  readonly keyCache: Effect.Effect<KeyCache, E, Scope.Scope>
  /** The quotas. */
  readonly limits: Layer.Layer<Limits, E, Telemetry>
  /** People's accounts. */
  readonly sessions: Layer.Layer<Sessions, E, Telemetry>
  /** Web origins whose pages may read statistics. */
  readonly readers: ReadonlySet<string>
  readonly maxInFlightBytes: number
  readonly jobWaitMillis: number
  readonly directory?: string | undefined
  readonly backupDirectory?: string | undefined
  /** Of a handler inside another program's server, which leaves names to that server. A server of our own has none. */
  readonly mounted?: Mounted | undefined
  readonly pipeline?: Partial<PipelineOptions>
}

/** Who guards a mounted handler besides API keys. */
interface Mounted {
  readonly authorize: Authorize | undefined
  /**
   * Everyone who reaches it may do everything; else, with neither keys nor `authorize`, it takes events and nothing
   * else.
   */
  readonly open: boolean
}

/** What the routes need besides the adapters; the pipeline works for as long as this lives. */
export const appLayer = <E>(
  options: AppOptions<E>
): Layer.Layer<Access | Admission | Limits | Pipeline | Sessions | StatsOwner | Telemetry, E, AdapterServices> => {
  const authorize = options.mounted?.authorize
  const access = Layer.effect(
    Access,
    Effect.flatMap(Sessions, (sessions) =>
      Effect.map(options.keyCache, (keyCache) => makeAccess(keyCache, sessions, authorize))
    )
  )
  const pipeline = Pipeline.layer({ loops: loopsOf(options.roles), ...options.pipeline })
  return Layer.mergeAll(admission(options), options.limits, StatsOwner.layer(options.statsOwner), pipeline).pipe(
    Layer.provideMerge(access),
    Layer.provideMerge(options.sessions),
    Layer.provideMerge(Telemetry.layer)
  )
}

/** A first key closes a server that runs: what depends on it is asked anew each time. */
const admission = (
  options: Pick<
    AppOptions,
    "roles" | "backupDirectory" | "directory" | "mounted" | "jobWaitMillis" | "maxInFlightBytes" | "readers"
  >
) =>
  Layer.effect(
    Admission,
    Effect.map(Access, ({ keyed }) => ({
      roles: options.roles,
      budget: new BodyBudget(options.maxInFlightBytes),
      get loopbackNamesOnly() {
        return options.mounted === undefined && !keyed()
      },
      get eventsOnly() {
        const { mounted } = options
        return mounted !== undefined && !mounted.open && mounted.authorize === undefined && !keyed()
      },
      mounted: options.mounted !== undefined,
      get guardsOrigins() {
        return !keyed() || options.mounted?.authorize !== undefined
      },
      readers: options.readers,
      get loopbackReaders() {
        return options.mounted === undefined && !keyed()
      },
      directory: options.directory,
      backupDirectory: options.backupDirectory,
      jobs: makeJobs({ waitMillis: options.jobWaitMillis }),
      state: { closing: false }
    }))
  )

/** A registry of its own: two servers in one process must not count into each other. */
export const metricRegistry = Layer.sync(Metric.MetricRegistry, () => new Map())

/** As well; whoever opens the adapters gives it to them, too. */
export const loopRegistry = Layer.sync(Loops, () => new LoopRegistry())
