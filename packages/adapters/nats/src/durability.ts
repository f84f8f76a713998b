import type { Durability } from "@millrace/core"
import { Effect, Schema } from "effect"
import { type Broker, type StreamInfo } from "./client.ts"
import type { ResolvedOptions } from "./config.ts"

const Varz = Schema.fromJsonString(
  Schema.Struct({
    jetstream: Schema.Struct({
      config: Schema.optionalKey(Schema.Struct({ sync_always: Schema.optionalKey(Schema.Boolean) }))
    })
  })
)
const WITHIN_MILLIS = 5_000

/** `sync_interval: always` came with 2.10; older servers refuse or ignore it. */
const knowsSyncAlways = (version: string): boolean => {
  const [major = 0, minor = 0] = version.split(".").map(Number)
  return major > 2 || (major === 2 && minor >= 10)
}

/**
 * What an acknowledgement survives, as far as it can be known. The client protocol does not tell the sync interval: the
 * server's monitoring address does, else the operator's word counts, if the server's version can keep it. Replicas alone
 * never make it `fsync`: by default none of them syncs before it answers.
 */
export const durabilityOf = Effect.fnUntraced(function* (
  broker: Broker,
  events: StreamInfo,
  options: ResolvedOptions
): Effect.fn.Return<Durability> {
  if (events.config.storage !== "file") return "none"
  const version = broker.connection.info?.version ?? "0"
  const claimed = yield* claimOf(options)
  if (claimed && knowsSyncAlways(version)) return "fsync"
  if (options.syncAlways) {
    yield* Effect.logWarning("syncAlways is stated, but the server does not sync before it answers", { version })
  }
  return "process-crash"
})

const claimOf = (options: ResolvedOptions): Effect.Effect<boolean> => {
  const { monitoringUrl } = options
  if (monitoringUrl === undefined) return Effect.succeed(options.syncAlways)
  return Effect.tryPromise(async (signal) => {
    const answer = await fetch(new URL("/varz", monitoringUrl), { signal })
    return Schema.decodeSync(Varz)(await answer.text()).jetstream.config?.sync_always === true
  }).pipe(
    Effect.timeout(WITHIN_MILLIS),
    Effect.catch((error) =>
      Effect.as(
        Effect.logWarning("the monitoring address tells no sync interval: process-crash is assumed", error),
        false
      )
    )
  )
}
