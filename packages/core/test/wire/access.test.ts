import { Schema } from "effect"
import { HttpApi, HttpApiEndpoint, OpenApi } from "effect/http-api"
import { describe, expect, it } from "vitest"
import { accessOf, ApiKeySecurity, Contract } from "../../src/wire/index.ts"

const endpoints: Array<HttpApiEndpoint.Top> = []
HttpApi.reflect(Contract, { onGroup: () => {}, onEndpoint: ({ endpoint }) => void endpoints.push(endpoint) })

const document = JSON.parse(JSON.stringify(OpenApi.fromApi(Contract)))
const securityOf = ({ method, path }: HttpApiEndpoint.Top): unknown =>
  document.paths[path.replaceAll(/:(\w+)/gu, "{$1}")][method.toLowerCase()].security

describe("who may call an endpoint is said by its annotation alone", () => {
  it("every endpoint of the contract has it", () => {
    for (const endpoint of endpoints)
      expect([endpoint.identifier, accessOf(endpoint)]).toEqual([endpoint.identifier, expect.anything()])
  })

  it("one without it is none that can be served", () => {
    const silent = HttpApiEndpoint.get("silent", "/silent", { success: Schema.String })
    expect(() => accessOf(silent)).toThrow(/endpoint silent says nothing of who may call it/u)
  })

  it.each(endpoints.map((endpoint) => [endpoint.identifier, endpoint] as const))(
    "%s: the document asks for the scope that it asks for, and for none where it asks for nobody",
    (_, endpoint) => {
      const { key, scope } = accessOf(endpoint)
      expect(endpoint.middlewares.has(ApiKeySecurity as never)).toBe(key !== "none")
      expect(securityOf(endpoint)).toEqual(key === "none" ? [] : [{ bearer: [scope] }, { header: [scope] }])
    }
  )
})
