import * as fc from "fast-check"
import type { Json, OpenApiDocument, Operation, Parameter } from "./Document.ts"
import { recordOf, valueOf } from "./valid.ts"
import type { WireRequest } from "./Wire.ts"

/** A valid request, before it is written down. */
export interface Plan {
  readonly operation: Operation
  readonly key: string
  readonly query: ReadonlyArray<readonly [name: string, value: string]>
  /** Of the path's parameters. */
  readonly path: Readonly<Record<string, string>>
  readonly body: Json | undefined
}

/** A request and what the document makes us expect. */
export interface Attempt {
  readonly operation: Operation
  /** `valid`, or the one rule that is broken. */
  readonly rule: string
  /** `refused`: 4xx, or an event of the batch refused. `any`: what a server may be lenient about, or refuse for what only it knows. */
  readonly expect: "refused" | "any"
  /** The request is not one of the document's operations at all. */
  readonly elsewhere?: boolean
  readonly request: WireRequest
}

export const planOf = (document: OpenApiDocument, operation: Operation, key: string): fc.Arbitrary<Plan> => {
  const parameters = operation.parameters ?? []
  const inPath = parameters.filter((parameter) => parameter.in === "path")
  return fc.record({
    operation: fc.constant(operation),
    key: fc.constant(key),
    query: valuesOf(
      document,
      parameters.filter((parameter) => parameter.in === "query")
    ).map((values) => Object.entries(values)),
    path: valuesOf(document, inPath),
    body: operation.jsonBody === undefined ? fc.constant(undefined) : valueOf(document, operation.jsonBody)
  })
}

const valuesOf = (document: OpenApiDocument, parameters: ReadonlyArray<Parameter>) =>
  recordOf(
    Object.fromEntries(parameters.map(({ name, schema }) => [name, valueOf(document, schema, name).map(String)])),
    parameters.filter(({ required }) => required).map(({ name }) => name)
  )

const encode = (text: string): string => encodeURIComponent(text.toWellFormed())

export const targetOf = ({ operation, path, query }: Pick<Plan, "operation" | "path" | "query">): string => {
  const filled = operation.path.replaceAll(/\{(\w+)\}/gu, (_, name: string) => encode(path[name] ?? ""))
  const search = query.map(([name, value]) => `${encode(name)}=${encode(value)}`).join("&")
  return search === "" ? filled : `${filled}?${search}`
}

type Headers = WireRequest["headers"]

export const authorized = (key: string): Headers => [["authorization", `Bearer ${key}`]]
export const json: Headers = [["content-type", "application/json"]]

export const write = (plan: Plan, over: Partial<WireRequest> = {}): WireRequest => ({
  method: plan.operation.method,
  target: targetOf(plan),
  headers: [...authorized(plan.key), ...(plan.body === undefined ? [] : json)],
  body: plan.body === undefined ? undefined : Buffer.from(JSON.stringify(plan.body)),
  ...over
})

export const validAttempt = (plan: Plan): Attempt => ({
  operation: plan.operation,
  rule: "valid",
  expect: "any",
  request: write(plan)
})
