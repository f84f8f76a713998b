import { Config, Option, Redacted, Schema } from "effect"

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
