import { Config, type LogLevel, Option, Redacted, Schema } from "effect"
import { OriginsText } from "./http/origins.ts"
import { MAX_BODY_BYTES } from "./http/body.ts"
import type { Keys } from "./keys/configuredKeys.ts"
import { authConfig, authDefaults, type AuthOptions } from "./auth/config.ts"
import { limitConfig, limitDefaults, type LimitOptions } from "./limits/config.ts"
import { keyStoreNames, type KeyPlaces } from "./keys/stores.ts"
import { natsConfig } from "./adapters/natsConfig.ts"
import { RolesText } from "./adapters/roles.ts"
import { type AdapterChoice, queueNames, storeNames, warehouseNames } from "./adapters/registry.ts"

const DEFAULT_PORT = 4000

export interface ServerOptions extends AdapterChoice, Pick<KeyPlaces, "keyStore" | "keyPepper"> {
  /** 0 picks a free one. */
  readonly port: number
  readonly host: string
  /** Beside those of the key store. No key at all: one project, loopback only. */
  readonly keys: Keys
  /** Where the process with the role `stats` listens; one that has it itself does not ask. */
  readonly statsUrl?: URL | undefined
  /** For one whole answer from there. */
  readonly statsTimeoutMillis: number
  readonly maxConnections: number
  /** Request bodies held at one time, over all requests. */
  readonly maxInFlightBytes: number
  readonly limits: LimitOptions
  readonly auth: AuthOptions
  /** Web origins whose pages may read statistics and log in. */
  readonly statsOrigins: ReadonlyArray<string>
  /** While closing: how long requests are still taken after `/readyz` began to refuse. */
  readonly closeGraceMillis: number
  /** Where `POST /backups` may write; without it nobody can ask for one. */
  readonly backupDirectory?: string | undefined
  /** For one answer to begin, whatever it takes: longer than each of its parts may take. */
  readonly answerWithinMillis: number
  /** For a backup or an erasure, before the answer is 202. */
  readonly jobWaitMillis: number
  /** Of what is logged. */
  readonly logLevel: LogLevel.LogLevel
}

/** With it the last resort of `runMain`, and what a container engine waits by default, are not passed. */
const CLOSE_GRACE_MAX_MILLIS = 1_500

export const serverDefaults: ServerOptions = {
  port: DEFAULT_PORT,
  host: "127.0.0.1",
  queue: "embedded",
  warehouse: "duckdb",
  directory: "./data",
  keys: new Map(),
  // Longer than the warehouse takes at most, waiting and working, so that its own answer comes through.
  statsTimeoutMillis: 100_000,
  maxConnections: 10_000,
  maxInFlightBytes: 128 * 1024 * 1024,
  limits: limitDefaults,
  auth: authDefaults,
  statsOrigins: [],
  closeGraceMillis: 500,
  answerWithinMillis: 120_000,
  // Less than the minute that proxies give an answer to begin.
  jobWaitMillis: 15_000,
  logLevel: "Info"
}

const LOG_LEVELS = { debug: "Debug", info: "Info", warn: "Warn", error: "Error" } as const

const integer = (name: string, minimum: number, maximum: number) =>
  Config.schema(Schema.NumberFromString.check(Schema.isInt(), Schema.isBetween({ minimum, maximum })), name)

/** 0 picks a free port, which `Config.Port` does not allow. */
const portNumber = (name: string) => integer(name, 0, 65_535)

// Not `orElse`: that would pass over a bad MILLRACE_PORT in silence.
const port = Config.all([Config.option(portNumber("MILLRACE_PORT")), Config.option(portNumber("PORT"))]).pipe(
  Config.map(([own, common]) =>
    Option.getOrElse(
      Option.orElse(own, () => common),
      () => DEFAULT_PORT
    )
  )
)

const optional = <A>(config: Config.Config<A>): Config.Config<A | undefined> =>
  Config.map(Config.option(config), Option.getOrUndefined)

const httpUrl = (name: string) =>
  Config.schema(
    Schema.URLFromString.check(
      Schema.makeFilter(
        ({ protocol }) => protocol === "http:" || protocol === "https:" || "an http:// or https:// address"
      )
    ),
    name
  )

const bounded = (name: string, minimum: number, maximum: number, usual: number) =>
  integer(name, minimum, maximum).pipe(Config.withDefault(usual))

const queries = Config.all({
  memoryMegabytes: bounded("MILLRACE_QUERY_MEMORY_MEGABYTES", 64, 1_048_576, 1_024),
  spillMegabytes: bounded("MILLRACE_QUERY_SPILL_MEGABYTES", 0, 16_777_216, 16_384),
  concurrency: bounded("MILLRACE_QUERY_CONCURRENCY", 1, 64, 2),
  waiting: bounded("MILLRACE_QUERY_WAITING", 1, 10_000, 128),
  waitMillis: bounded("MILLRACE_QUERY_WAIT_MILLIS", 100, 600_000, 30_000),
  timeoutMillis: bounded("MILLRACE_QUERY_TIMEOUT_MILLIS", 100, 3_600_000, 60_000)
})

const keys = Config.option(Config.Redacted("MILLRACE_KEYS")).pipe(
  Config.map(Option.match({ onNone: () => "", onSome: (found) => Redacted.value(found) }))
)

/** {@link ServerOptions} from the environment; every field has a default. Keys are still text: see `parseKeys`. */
export const serverConfig = Config.all({
  port,
  host: Config.String("MILLRACE_HOST").pipe(Config.withDefault(serverDefaults.host)),
  roles: optional(Config.schema(RolesText, "MILLRACE_ROLES")),
  queue: Config.Literals(queueNames, "MILLRACE_QUEUE").pipe(Config.withDefault(serverDefaults.queue)),
  store: optional(Config.Literals(storeNames, "MILLRACE_STORE")),
  warehouse: Config.Literals(warehouseNames, "MILLRACE_WAREHOUSE").pipe(Config.withDefault(serverDefaults.warehouse)),
  directory: Config.String("MILLRACE_DATA").pipe(Config.withDefault(serverDefaults.directory)),
  postgresUrl: optional(Config.Redacted("MILLRACE_POSTGRES_URL")),
  postgresReplicaUrl: optional(Config.Redacted("MILLRACE_POSTGRES_REPLICA_URL")),
  natsUrl: optional(Config.Redacted("MILLRACE_NATS_URL")),
  nats: natsConfig,
  aggregates: Config.all({
    megabytes: integer("MILLRACE_AGGREGATES_MEGABYTES", 0, 65_536).pipe(Config.withDefault(128)),
    selfCheckSeconds: integer("MILLRACE_SELF_CHECK_SECONDS", 0, 86_400).pipe(Config.withDefault(600))
  }),
  queries,
  keys,
  keyStore: optional(Config.Literals(keyStoreNames, "MILLRACE_KEY_STORE")),
  keyPepper: optional(Config.Redacted("MILLRACE_KEY_PEPPER")),
  statsUrl: optional(httpUrl("MILLRACE_STATS_URL")),
  statsTimeoutMillis: integer("MILLRACE_STATS_TIMEOUT_MILLIS", 100, 600_000).pipe(
    Config.withDefault(serverDefaults.statsTimeoutMillis)
  ),
  maxConnections: integer("MILLRACE_MAX_CONNECTIONS", 1, 1_000_000).pipe(
    Config.withDefault(serverDefaults.maxConnections)
  ),
  maxInFlightBytes: integer("MILLRACE_MAX_IN_FLIGHT_BYTES", MAX_BODY_BYTES, Number.MAX_SAFE_INTEGER).pipe(
    Config.withDefault(serverDefaults.maxInFlightBytes)
  ),
  limits: limitConfig,
  auth: authConfig,
  statsOrigins: Config.schema(OriginsText, "MILLRACE_STATS_ORIGINS").pipe(
    Config.withDefault(serverDefaults.statsOrigins)
  ),
  closeGraceMillis: integer("MILLRACE_CLOSE_GRACE_MILLIS", 0, CLOSE_GRACE_MAX_MILLIS).pipe(
    Config.withDefault(serverDefaults.closeGraceMillis)
  ),
  answerWithinMillis: bounded("MILLRACE_ANSWER_WITHIN_MILLIS", 1_000, 7_200_000, serverDefaults.answerWithinMillis),
  backupDirectory: optional(Config.String("MILLRACE_BACKUP_DIR")),
  jobWaitMillis: integer("MILLRACE_JOB_WAIT_MILLIS", 0, 50_000).pipe(Config.withDefault(serverDefaults.jobWaitMillis)),
  logLevel: Config.Literals(["debug", "info", "warn", "error"], "MILLRACE_LOG_LEVEL").pipe(
    Config.map((name) => LOG_LEVELS[name]),
    Config.withDefault(serverDefaults.logLevel)
  )
})
