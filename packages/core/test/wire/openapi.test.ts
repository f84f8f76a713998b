import { HttpApi, OpenApi } from "effect/http-api"
import { describe, expect, it } from "vitest"
import { metricNames } from "../../src/index.ts"
import { Contract, PROBLEMS } from "../../src/wire/index.ts"

const document = JSON.parse(JSON.stringify(OpenApi.fromApi(Contract)))
const methodsOf = (path: string): ReadonlyArray<string> => Object.keys(document.paths[path])
const operationNames = Object.keys(document.paths).flatMap((path) =>
  methodsOf(path).map((method) => `${method} ${path}`)
)
const operationOf = (name: string) => {
  const [method = "", path = ""] = name.split(" ")
  return document.paths[path][method]
}
const statuses = (name: string) => Object.keys(operationOf(name).responses).map(Number)

/** Every `$ref` anywhere below `value`. */
const references = (value: unknown): ReadonlyArray<string> => {
  if (typeof value !== "object" || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => (key === "$ref" ? [String(inner)] : references(inner)))
}

describe("the OpenAPI document", () => {
  it("is 3.1 and names itself", () => {
    expect(document.openapi).toBe("3.1.0")
    expect(document.info).toMatchObject({ title: "millrace", license: { identifier: "MIT" } })
  })

  it("has every endpoint of the contract, each with a summary and an id of its own", () => {
    const declared: Array<string> = []
    HttpApi.reflect(Contract, {
      onGroup: () => {},
      onEndpoint: ({ endpoint: { method, path } }) =>
        void declared.push(`${method.toLowerCase()} ${path.replaceAll(/:(\w+)/gu, "{$1}")}`)
    })
    expect(operationNames.toSorted()).toEqual(declared.toSorted())
    expect(declared).toEqual(expect.arrayContaining(metricNames.map((name) => `get /stats/${name}`)))
    for (const name of operationNames) expect(operationOf(name).summary).toMatch(/\S/u)
    expect(new Set(operationNames.map((name) => operationOf(name).operationId)).size).toBe(operationNames.length)
  })

  it("declares every status", () => {
    expect(statuses("post /events")).toEqual([202, 400, 401, 403, 408, 413, 415, 422, 429, 500, 503])
    for (const name of metricNames)
      expect(statuses(`get /stats/${name}`)).toEqual([200, 401, 403, 404, 422, 500, 501, 503])
    expect(statuses("get /ledger")).toEqual([200, 401, 403, 500, 503])
    expect(statuses("get /users/{id}/events")).toEqual([200, 401, 403, 422, 500, 503])
    expect(statuses("delete /users/{id}")).toEqual([200, 202, 401, 403, 422, 500, 503])
    expect(statuses("post /backups")).toEqual([200, 202, 400, 401, 403, 408, 409, 413, 415, 422, 500, 503])
    expect(statuses("get /jobs/{id}")).toEqual([200, 202, 401, 403, 404, 409, 500, 503])
    expect(statuses("get /readyz")).toEqual([200, 503])
    expect(statuses("post /auth/login")).toEqual([200, 400, 401, 408, 413, 415, 422, 429, 500, 503])
    expect(statuses("post /auth/refresh")).toEqual([200, 400, 401, 408, 413, 415, 422, 429, 500, 503])
    expect(statuses("post /auth/logout")).toEqual([204, 400, 408, 413, 415, 422, 429, 500, 503])
    const all = new Set(operationNames.flatMap(statuses))
    // Those of no operation stand in the document's description.
    const stated = Object.values(PROBLEMS).map(({ status }) => status)
    const elsewhere = [...new Set(stated.filter((status) => !all.has(status)))]
    expect(elsewhere).toEqual([405, 431])
    for (const status of elsewhere) expect(document.info.description).toContain(String(status))
  })

  it("errors are problem+json, but for readyz, which says more", () => {
    for (const name of operationNames.filter((known) => known !== "get /readyz")) {
      for (const status of statuses(name).filter((known) => known >= 400)) {
        expect(Object.keys(operationOf(name).responses[status].content)).toEqual(["application/problem+json"])
      }
    }
  })

  it("shows an example and the headers of ingest", () => {
    const ingest = document.paths["/events"].post
    expect(ingest.requestBody.content["application/json"].example[0].event_type).toBe("purchase")
    expect(ingest.responses["202"].headers).toHaveProperty("millrace-durability")
    expect(ingest.responses["503"].headers).toHaveProperty("retry-after")
  })

  it("no rule vanishes on the way: what an event must be stands in the document", () => {
    const { event_id, event_type, occurred_at, properties, user_id } = document.components.schemas.EventInput.properties
    expect(JSON.stringify(event_id)).toContain('"format":"uuid"')
    expect(JSON.stringify(occurred_at)).toContain('"format":"date-time"')
    expect(user_id).toMatchObject({ type: "string", minLength: 1, maxLength: 256 })
    expect(event_type).toMatchObject({ type: "string", minLength: 1, maxLength: 100 })
    expect(properties).toMatchObject({ type: "object", additionalProperties: true })
    expect(properties.description).toMatch(/32 levels deep and 64 KiB/u)
    expect(document.components.schemas.EventInput).toMatchObject({
      required: ["event_id", "occurred_at", "user_id", "event_type"],
      additionalProperties: false
    })
  })

  it("every pattern compiles with the u flag, as OpenAPI reads them", () => {
    const patterns = [...JSON.stringify(document).matchAll(/"pattern":("(?:[^"\\]|\\.)*")/gu)]
    for (const [, pattern] of patterns) expect(() => new RegExp(JSON.parse(pattern!), "u")).not.toThrow()
  })

  it("every reference leads somewhere, and every schema is used", () => {
    const used = new Set(references(document).map((reference) => reference.replace("#/components/schemas/", "")))
    expect([...used].toSorted()).toEqual(Object.keys(document.components.schemas).toSorted())
  })
})
