/** `127.0.0.0/8`, `::1`, `localhost` and the names under it, which browsers keep on this machine. */
export const isLoopbackName = (name: string): boolean => {
  const host = name.toLowerCase().replace(/^\[(.*)\]$/u, "$1")
  return (
    host === "localhost" ||
    host.endsWith(".localhost") ||
    host === "::1" ||
    host === "::ffff:127.0.0.1" ||
    /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/u.test(host)
  )
}

/** The name in a `Host` header, without the port. */
export const nameOfHost = (host: string): string => host.replace(/:\d*$/u, "")

export const nameOfOrigin = (origin: string): string => (URL.canParse(origin) ? new URL(origin).hostname : "")
