import { Effect, Redacted, type Scope } from "effect"
import { Redis } from "ioredis"
import type { Settings } from "./config.ts"
import { TAKE_SCRIPT } from "./takeScript.ts"

/** Between attempts to connect again, at most. */
const RECONNECT_MAX_MILLIS = 1_000

export interface Connection {
  /** Runs {@link TAKE_SCRIPT}; rejects at once when there is no connection. */
  readonly take: (keys: ReadonlyArray<string>, args: ReadonlyArray<number>) => Promise<ReadonlyArray<unknown>>
}

/**
 * A connection that comes back by itself. Without one every command fails at once: a queue of commands in memory would
 * answer requests that nobody waits for any more. Opening waits for the first connection no longer than its time-out.
 */
export const connect = (settings: Settings): Effect.Effect<Connection, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.promise(() => open(settings)),
      (redis) => Effect.sync(() => redis.disconnect())
    ),
    (redis): Connection => ({
      take: async (keys, args) => (await redis.millraceTake(keys.length, ...keys, ...args)) as ReadonlyArray<unknown>
    })
  )

interface TakingRedis extends Redis {
  readonly millraceTake: (count: number, ...rest: ReadonlyArray<string | number>) => Promise<unknown>
}

const open = async ({ commandTimeoutMillis, connectTimeoutMillis, url }: Settings): Promise<TakingRedis> => {
  const redis = new Redis(Redacted.isRedacted(url) ? Redacted.value(url) : url, {
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    commandTimeout: commandTimeoutMillis,
    connectTimeout: connectTimeoutMillis,
    retryStrategy: (attempt) => Math.min(attempt * 50, RECONNECT_MAX_MILLIS)
  })
  // Each failing command tells; without a listener the process would end.
  redis.on("error", () => {})
  redis.defineCommand("millraceTake", { lua: TAKE_SCRIPT })
  await Promise.race([redis.connect().catch(() => undefined), elapsed(connectTimeoutMillis)])
  return redis as TakingRedis
}

const elapsed = (millis: number) => new Promise<void>((resolve) => setTimeout(resolve, millis).unref())
