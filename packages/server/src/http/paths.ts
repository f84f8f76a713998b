import { accessOf, Contract, type EndpointAccess } from "@millrace/core/wire"
import { HttpApi } from "effect/http-api"

/** A path of the contract, whatever method comes to it. */
export interface ContractPath {
  /** As the contract writes it, its parameters by their names. */
  readonly path: string
  readonly methods: ReadonlyArray<string>
  /** Browsers ask by path before they ask by method, so that all its endpoints are open to the same pages. */
  readonly access: EndpointAccess
}

const contractPaths: ReadonlyMap<string, ContractPath> = (() => {
  const found = new Map<string, ContractPath>()
  HttpApi.reflect(Contract, {
    onGroup: () => {},
    onEndpoint: ({ endpoint }) => {
      const { method, path } = endpoint
      const access = accessOf(endpoint)
      const known = found.get(path)
      if (known !== undefined && !isOpenToSame(known.access, access)) {
        throw new TypeError(`the endpoints of ${path} are open to different pages`)
      }
      const methods = [...(known?.methods ?? []), method, ...(method === "GET" ? ["HEAD"] : [])]
      found.set(path, { path, methods, access: known?.access ?? access })
    }
  })
  return found
})()

function isOpenToSame(one: EndpointAccess, other: EndpointAccess): boolean {
  const unguarded = (one.scope === "write") === (other.scope === "write")
  return unguarded && one.pages === other.pages && one.crossSite === other.crossSite
}

/** A parameter's characters; what else it holds is percent-encoded, what would cut or clean a path as well. */
const PARAMETER = "(?:[^/;%\\\\]|%[0-9A-Fa-f]{2})+"

/** Paths with parameters. */
const patterns = [...contractPaths.values()]
  .filter(({ path }) => path.includes(":"))
  .map((route) => ({ route, pattern: new RegExp(`^${route.path.replaceAll(/:\w+/gu, PARAMETER)}$`, "u") }))

/** The path that a request names, below the base path where the API is mounted; query and fragment are no part of it. */
export const pathOf = (url: string, basePath: string): string => {
  const end = url.search(/[?#]/u)
  const path = end === -1 ? url : url.slice(0, end)
  return path.startsWith(basePath) ? path.slice(basePath.length) : ""
}

/** The contract's path of a request, or `undefined` when it is none of ours. */
export const routeOf = (url: string, basePath: string): ContractPath | undefined => {
  const path = pathOf(url, basePath)
  return contractPaths.get(path) ?? patterns.find(({ pattern }) => pattern.test(path))?.route
}

/** The value of `Allow`. */
export const allowOf = ({ methods }: ContractPath): string => [...methods, "OPTIONS"].join(", ")
