import { Contract } from "@millrace/core/wire"
import { HttpApi } from "effect/http-api"

export interface ContractRoute {
  readonly name: string
  readonly method: string
  /** With something in the place of each parameter. */
  readonly path: string
  /** Asks for a key or a session. */
  readonly guarded: boolean
}

/** Every route of the wire contract, those that are added later too. */
export const contractRoutes: ReadonlyArray<ContractRoute> = (() => {
  const found: Array<ContractRoute> = []
  HttpApi.reflect(Contract, {
    onGroup: () => {},
    onEndpoint: ({ endpoint, middleware }) => {
      const path = endpoint.path.replaceAll(/:\w+/gu, "ann")
      found.push({ name: endpoint.identifier, method: endpoint.method, path, guarded: middleware.size > 0 })
    }
  })
  return found
})()
