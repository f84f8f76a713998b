import type { NatsOptions } from "@millrace/nats"
import type { PostgresOptions } from "@millrace/postgres"
import type { RedisOptions } from "@millrace/redis"
import { Config, Option, Redacted, Schema } from "effect"
import type { AddressForm } from "./lazily.ts"

export const postgresAddress: AddressForm<Pick<PostgresOptions, "url">> = {
  setting: "MILLRACE_POSTGRES_URL",
  example: "postgres://user:password@host:5432/database",
  parse: (text) =>
    /^postgres(?:ql)?:\/\//u.test(text) && URL.canParse(text) ? { url: Redacted.make(text) } : undefined
}

export const postgresReplicaAddress = { ...postgresAddress, setting: "MILLRACE_POSTGRES_REPLICA_URL" }

type NatsConnection = Pick<NatsOptions, "servers" | "credentials" | "tls">

/** The driver passes over credentials in addresses, so they are taken out here. `token@` is a token. */
export const natsAddress: AddressForm<NatsConnection> = {
  setting: "MILLRACE_NATS_URL",
  example: "nats://user:password@host:4222 or tls://…, several of one cluster separated by commas",
  parse: (text) => {
    const parts = text.split(",").map((part) => part.trim())
    if (!parts.every((part) => /^(?:nats|tls):\/\/[^/]/u.test(part) && URL.canParse(part))) return undefined
    const urls = parts.map((part) => new URL(part))
    const [first, ...others] = urls.map(({ host, protocol }) => `${protocol}//${host}`)
    const named = urls.find(({ username }) => username !== "")
    return {
      servers: [first!, ...others],
      ...(named === undefined ? {} : { credentials: credentialsOf(named) }),
      // Also the driver takes tls:// for a wish: without this it would go on unencrypted.
      ...(urls.some(({ protocol }) => protocol === "tls:") ? { tls: {} } : {})
    }
  }
}

const credentialsOf = ({ password, username }: URL): NonNullable<NatsConnection["credentials"]> =>
  password === ""
    ? { token: decodeURIComponent(username) }
    : { user: decodeURIComponent(username), password: decodeURIComponent(password) }

export const redisAddress = (name?: string): AddressForm<Pick<RedisOptions, "url" | "name">> => ({
  setting: "MILLRACE_REDIS_URL",
  example: "redis://user:password@host:6379/0 or rediss://…",
  parse: (text) =>
    /^rediss?:\/\/[^/]/u.test(text) && URL.canParse(text)
      ? { url: Redacted.make(text), ...(name === undefined ? {} : { name }) }
      : undefined
})

/** How the queue is kept on the NATS servers; what is not set is the adapter's default. */
export interface NatsSettings {
  readonly name?: string | undefined
  readonly caFile?: string | undefined
  readonly certFile?: string | undefined
  readonly keyFile?: string | undefined
  readonly tls?: boolean | undefined
  readonly credentialsFile?: string | undefined
  readonly nkeySeed?: Redacted.Redacted | undefined
  readonly syncAlways?: boolean | undefined
  readonly monitoringUrl?: string | undefined
  readonly replicas?: number | undefined
  readonly maxBytes?: number | undefined
  readonly maxDeadLetterBytes?: number | undefined
  readonly maxAttempts?: number | undefined
  readonly backoffMillis?: number | undefined
  readonly redeliverMillis?: number | undefined
  readonly maxMessages?: number | undefined
  readonly publishTimeoutMillis?: number | undefined
  readonly connectTimeoutMillis?: number | undefined
  readonly sweepEveryMillis?: number | undefined
}

const optional = <A>(config: Config.Config<A>): Config.Config<A | undefined> =>
  Config.map(Config.option(config), Option.getOrUndefined)

const text = (name: string) => optional(Config.NonEmptyString(name))
const flag = (name: string) => optional(Config.Boolean(name))
/** The adapter knows the bounds. */
const whole = (name: string) => optional(Config.schema(Schema.NumberFromString.check(Schema.isInt()), name))

/** From the environment, all but the address. */
export const natsConfig: Config.Config<NatsSettings> = Config.all({
  name: text("MILLRACE_NATS_NAME"),
  tls: flag("MILLRACE_NATS_TLS"),
  caFile: text("MILLRACE_NATS_CA_FILE"),
  certFile: text("MILLRACE_NATS_CERT_FILE"),
  keyFile: text("MILLRACE_NATS_KEY_FILE"),
  credentialsFile: text("MILLRACE_NATS_CREDENTIALS_FILE"),
  nkeySeed: optional(Config.Redacted("MILLRACE_NATS_NKEY_SEED")),
  syncAlways: flag("MILLRACE_NATS_SYNC_ALWAYS"),
  monitoringUrl: text("MILLRACE_NATS_MONITORING_URL"),
  replicas: whole("MILLRACE_NATS_REPLICAS"),
  maxBytes: whole("MILLRACE_NATS_MAX_BYTES"),
  maxDeadLetterBytes: whole("MILLRACE_NATS_MAX_DEAD_LETTER_BYTES"),
  maxAttempts: whole("MILLRACE_NATS_MAX_ATTEMPTS"),
  backoffMillis: whole("MILLRACE_NATS_BACKOFF_MILLIS"),
  redeliverMillis: whole("MILLRACE_NATS_REDELIVER_MILLIS"),
  maxMessages: whole("MILLRACE_NATS_MAX_MESSAGES"),
  publishTimeoutMillis: whole("MILLRACE_NATS_PUBLISH_TIMEOUT_MILLIS"),
  connectTimeoutMillis: whole("MILLRACE_NATS_CONNECT_TIMEOUT_MILLIS"),
  sweepEveryMillis: whole("MILLRACE_NATS_SWEEP_EVERY_MILLIS")
})

// Apart from the settings: these types are an optional package's, and no declaration that users compile may need it.
type Connection = Pick<NatsOptions, "servers" | "credentials" | "tls">

const defined = <A extends object>(options: A) =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [K in keyof A]?: Exclude<A[K], undefined>
  }

/** The adapter's own form: what the settings say, and what the address says where they are silent. */
export const natsOptions = (address: Connection, settings: NatsSettings): NatsOptions => {
  const { caFile, certFile, credentialsFile, keyFile, nkeySeed, tls, ...rest } = settings
  const files = defined({ caFile, certFile, keyFile })
  const encrypted = tls ?? (Object.keys(files).length > 0 || address.tls !== undefined)
  const credentials =
    credentialsFile === undefined
      ? nkeySeed === undefined
        ? address.credentials
        : { nkeySeed: Redacted.value(nkeySeed) }
      : { credentialsFile }
  return {
    servers: address.servers,
    ...defined(rest),
    ...(credentials === undefined ? {} : { credentials }),
    ...(encrypted ? { tls: files } : {})
  }
}
