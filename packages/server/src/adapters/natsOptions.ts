// Apart from the settings: these types are an optional package's, and no declaration that users compile may need it.
import type { NatsOptions } from "@millrace/nats"
import { Redacted } from "effect"
import type { NatsSettings } from "./natsConfig.ts"

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
