import type { NatsOptions } from "@millrace/nats"
import type { PostgresOptions } from "@millrace/postgres"
import type { RedisOptions } from "@millrace/redis"
import { Redacted } from "effect"
import type { AddressForm } from "./lazyAdapter.ts"
import type { NatsSettings } from "./natsConfig.ts"

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

// Apart from the settings, which are in natsConfig.ts: these types are an optional package's, and no declaration that users
// compile may need it.
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
