import type { HttpServerRequest } from "effect/http"
import { IncomingMessage } from "node:http"
import { isLoopbackName, nameOfHost } from "./loopback.ts"
import { type Refusal, refusal } from "./Refusal.ts"

/**
 * Without keys, what a request says that it is addressed to must be this machine: a page whose name was bound to our address
 * (DNS rebinding) reads and writes as though it were ours. Of an absolute target that is its host, and `Host` as well.
 */
export const refuseHost = ({ headers, source }: HttpServerRequest.HttpServerRequest): Refusal | undefined => {
  const given = source instanceof IncomingMessage ? source.headers.host : undefined
  const named = [headers["host"], given ?? headers["host"]]
  return named.every((host) => host !== undefined && isLoopbackName(nameOfHost(host))) ? undefined : notAllowed
}

const notAllowed = refusal(
  "host_not_allowed",
  "Without API keys this server answers only as localhost; configure keys for other names."
)
