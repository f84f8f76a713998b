import { Option } from "effect"
import type { HttpServerRequest } from "effect/http"
import { isIPv4, isIPv6 } from "node:net"

/**
 * Who sent a request, as far as it can be known: with `trustedProxies` proxies in front, each of which appends the
 * address it was called from, it is that many entries from the right of `X-Forwarded-For`; what stands further left
 * anyone can write. Otherwise, and for a chain that is too short, the socket's. Undefined where there is no socket.
 */
export const clientAddress = (
  request: Pick<HttpServerRequest.HttpServerRequest, "headers" | "peerAddress">,
  trustedProxies: number
): string | undefined => {
  const forwarded = trustedProxies === 0 ? [] : (request.headers["x-forwarded-for"] ?? "").split(",")
  const named = addressOf(forwarded.at(-trustedProxies) ?? "")
  return named ?? addressOf(Option.getOrElse(request.peerAddress, () => ""))
}

/** Without a port, and IPv4 in one form only. */
const addressOf = (text: string): string | undefined => {
  const bare = /^\[([^\]]+)\](?::\d+)?$/u.exec(text.trim())?.[1] ?? text.trim()
  const plain = /^([\d.]+):\d+$/u.exec(bare)?.[1] ?? bare
  const address = plain.toLowerCase().replace(/^::ffff:(?=[\d.]+$)/u, "")
  return isIPv4(address) || isIPv6(address) ? address : undefined
}

/** What one client has for itself: an IPv4 address, or the 64 bits of an IPv6 network. */
export const networkOf = (address: string): string => (isIPv4(address) ? address : prefix64(address))

const GROUPS = 8
const NETWORK_GROUPS = 4

const prefix64 = (address: string): string => {
  const [head = "", tail] = (address.split("%")[0] ?? "").split("::")
  const left = head === "" ? [] : head.split(":")
  const right = tail === undefined || tail === "" ? [] : tail.split(":")
  const gap = tail === undefined ? 0 : GROUPS - left.length - right.length
  const groups = [...left, ...Array.from({ length: Math.max(0, gap) }, () => "0"), ...right]
  const network = groups.slice(0, NETWORK_GROUPS).map((group) => Number.parseInt(group, 16).toString(16))
  return `${network.join(":")}::/64`
}
