import { Contract } from "@millrace/core/wire"
import { HttpApi } from "effect/http-api"

/** Every path of the contract with the methods it takes. */
const methodsByPath: ReadonlyMap<string, ReadonlyArray<string>> = (() => {
  const found = new Map<string, Array<string>>()
  HttpApi.reflect(Contract, {
    onGroup: () => {},
    onEndpoint: ({ endpoint }) => {
      const methods = found.get(endpoint.path) ?? []
      methods.push(endpoint.method, ...(endpoint.method === "GET" ? ["HEAD"] : []))
      found.set(endpoint.path, methods)
    }
  })
  return found
})()

/** A parameter's characters; what else it holds is percent-encoded, what would cut or clean a path as well. */
const PARAMETER = "(?:[^/;%\\\\]|%[0-9A-Fa-f]{2})+"

/** Paths with parameters. */
const patterns = [...methodsByPath.keys()]
  .filter((path) => path.includes(":"))
  .map((path) => ({ path, pattern: new RegExp(`^${path.replaceAll(/:\w+/gu, PARAMETER)}$`, "u") }))

/** The contract's path of a request, its parameters by their names, or `undefined` when it is none of ours. */
export const routeOf = (url: string, basePath: string): string | undefined => {
  const end = url.search(/[?#]/u)
  const path = end === -1 ? url : url.slice(0, end)
  const route = path.startsWith(basePath) ? path.slice(basePath.length) : ""
  return methodsByPath.has(route) ? route : patterns.find(({ pattern }) => pattern.test(route))?.path
}

/** The value of `Allow`. */
export const allowOf = (route: string): string => [...(methodsByPath.get(route) ?? []), "OPTIONS"].join(", ")
