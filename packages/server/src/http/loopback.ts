/** `127.0.0.0/8`, `::1`, `localhost` and the names under it, which browsers keep on this machine; as a URL has them. */
export const isLoopbackName = (name: string): boolean => {
  const host = name.toLowerCase().replace(/^\[(.*)\]$/u, "$1")
  return LOCALHOST.test(host) || LOOPBACK_4.test(host) || LOOPBACK_6.has(host)
}

/** The dot at its end says that the name is whole. */
const LOCALHOST = /^(?:[a-z0-9-]+\.)*localhost\.?$/u
const LOOPBACK_4 = /^127(?:\.(?:25[0-5]|2[0-4]\d|1\d\d|\d{1,2})){3}\.?$/u
/** The last is 127.0.0.1 as URLs write it. */
const LOOPBACK_6 = new Set(["::1", "::ffff:127.0.0.1", "::ffff:7f00:1"])

/** RFC 9110 §7.2, without what no browser sends there: a name or an address, and a port. */
const HOST = /^(?<name>\[[\da-f:.]+\]|[\da-z.-]+)(?::\d*)?$/iu

/** The name in a `Host` header, without the port; empty where that is none. */
export const nameOfHost = (host: string): string => {
  const name = HOST.exec(host)?.groups?.["name"] ?? ""
  // IPv6 has many spellings.
  return name.startsWith("[") ? hostnameOf(`http://${name}`) : name
}

export const nameOfOrigin = (origin: string): string => hostnameOf(origin)

const hostnameOf = (url: string): string => (URL.canParse(url) ? new URL(url).hostname : "")
