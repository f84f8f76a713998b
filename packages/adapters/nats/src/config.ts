import { Effect, Schema } from "effect"

const MiB = 1 << 20
const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))
const orElse = <A>(value: A) => Effect.succeed(value)
const withDefault = <S extends Schema.Top>(schema: S, value: S["Encoded"]) =>
  schema.pipe(Schema.withDecodingDefaultKey(orElse(value)))

const Bytes = between(1, Number.MAX_SAFE_INTEGER)

/** The first that is given is used; without any, the connection is anonymous. */
const Credentials = Schema.Union([
  Schema.Struct({ user: Schema.NonEmptyString, password: Schema.String }),
  Schema.Struct({ token: Schema.NonEmptyString }),
  /** The seed, `SU…`. */
  Schema.Struct({ nkeySeed: Schema.NonEmptyString }),
  /** The path of a `.creds` file: JWT and seed. */
  Schema.Struct({ credentialsFile: Schema.NonEmptyString })
])

const Tls = Schema.Struct({
  caFile: Schema.optionalKey(Schema.NonEmptyString),
  certFile: Schema.optionalKey(Schema.NonEmptyString),
  keyFile: Schema.optionalKey(Schema.NonEmptyString)
})

/** How the queue is kept on the server. Everything but `servers` has a default. */
export const NatsOptions = Schema.Struct({
  /** `nats://host:port` or `tls://host:port`, one or several of one cluster. */
  servers: Schema.NonEmptyArray(Schema.NonEmptyString),
  /** Of the streams and their subjects, so that several queues share a server. Default `millrace`. */
  name: withDefault(Schema.String.check(Schema.isPattern(/^[A-Za-z0-9_-]{1,32}$/u)), "millrace"),
  credentials: Schema.optionalKey(Credentials),
  /** Given, even empty: only an encrypted connection will do. */
  tls: Schema.optionalKey(Tls),
  /** Copies of every message in a cluster. Default 1. */
  replicas: withDefault(between(1, 5), 1),
  /** Of waiting messages; a publish beyond it fails with `QueueFull`. Default 1 GiB. */
  maxBytes: withDefault(Bytes, 1024 * MiB),
  /** Of dead letters; none is dropped, setting aside fails beyond it. Default 256 MiB. */
  maxDeadLetterBytes: withDefault(Bytes, 256 * MiB),
  /** Deliveries of one message before its events become dead letters. Default 8. */
  maxAttempts: withDefault(between(1, 1000), 8),
  /** Before the second delivery; doubles with each further one, up to 30 s, with jitter. Default 100. */
  backoffMillis: withDefault(between(0, 60_000), 100),
  /** How long after a worker was killed its messages go to another; a living one renews its leases. Default 15,000. */
  redeliverMillis: withDefault(between(300, 600_000), 15_000),
  /** Messages of one delivery, whatever its limit of events. Default 64. */
  maxMessages: withDefault(between(1, 1024), 64),
  /** Until a publish without an answer is ambiguous. Default 5,000. */
  publishTimeoutMillis: withDefault(between(50, 60_000), 5_000),
  connectTimeoutMillis: withDefault(between(50, 60_000), 5_000),
  /** Between two looks for messages that killed their workers. Default 5,000. */
  sweepEveryMillis: withDefault(between(50, 600_000), 5_000),
  /** The operator's word that every server of the cluster has `sync_interval: always`. Default false. */
  syncAlways: withDefault(Schema.Boolean, false),
  /** `http://host:8222`: the server's own word on its sync interval, which outweighs `syncAlways`. */
  monitoringUrl: Schema.optionalKey(Schema.NonEmptyString)
})
export type NatsOptions = typeof NatsOptions.Encoded
export type ResolvedOptions = typeof NatsOptions.Type

/** Throws a `SchemaError` that names the field. */
export const resolveOptions = Schema.decodeUnknownSync(NatsOptions)
