import { accessOf, Contract, type EndpointAccess } from "@millrace/core/wire"
import { HttpApi } from "effect/http-api"

export interface ContractRoute {
  readonly name: string
  readonly method: string
  /** As the contract writes it. */
  readonly pattern: string
  /** With something in the place of each parameter. */
  readonly path: string
  /** What its annotation says. */
  readonly access: EndpointAccess
  /** Asks for a key or a session. */
  readonly guarded: boolean
}

/** Every route of the wire contract, those that are added later too. */
export const contractRoutes: ReadonlyArray<ContractRoute> = (() => {
  const found: Array<ContractRoute> = []
  HttpApi.reflect(Contract, {
    onGroup: () => {},
    onEndpoint: ({ endpoint }) => {
      const { identifier: name, method, path: pattern } = endpoint
      const path = pattern.replaceAll(/:\w+/gu, "ann")
      const access = accessOf(endpoint)
      found.push({ name, method, pattern, path, access, guarded: access.key !== "none" })
    }
  })
  return found
})()
