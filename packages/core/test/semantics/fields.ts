import { OpenApi } from "effect/http-api"
import type { MetricName } from "../../src/metric/registry.ts"
import { Contract } from "../../src/wire/index.ts"

export interface FieldText {
  readonly name: string
  readonly values: string
  readonly about: string
}

/** What is read of a JSON Schema. */
interface Shape {
  readonly $ref?: string
  readonly type?: string
  readonly format?: string
  readonly enum?: ReadonlyArray<unknown>
  readonly description?: string
  readonly items?: Shape
  readonly anyOf?: ReadonlyArray<Shape>
  readonly allOf?: ReadonlyArray<Shape>
  readonly properties?: Readonly<Record<string, Shape>>
}

interface Parameter {
  readonly name: string
  readonly required: boolean
  readonly schema: Shape
}

interface Document {
  readonly paths: Readonly<Record<string, { readonly get: Operation }>>
  readonly components: { readonly schemas: Readonly<Record<string, Shape>> }
}

interface Operation {
  readonly parameters: ReadonlyArray<Parameter>
  readonly responses: Readonly<
    Record<string, { readonly content: Readonly<Record<string, { readonly schema: Shape }>> }>
  >
}

const document = JSON.parse(JSON.stringify(OpenApi.fromApi(Contract))) as Document

/** As the OpenAPI document has them. */
export const fieldsOf = (name: MetricName) => {
  const { parameters, responses } = document.paths[`/stats/${name}`]!.get
  const answer = resolved(responses["200"]!.content["application/json"]!.schema)
  const row = resolved(resolved(answer.properties!["rows"]!).items!)
  return {
    params: parameters.map(({ name: own, required, schema }) => {
      const field = fieldText(own, schema)
      return required ? { ...field, about: `Required. ${field.about}`.trim() } : field
    }),
    rows: Object.entries(row.properties!).map(([own, schema]) => fieldText(own, schema))
  }
}

const resolved = (shape: Shape): Shape =>
  shape.$ref === undefined ? shape : resolved(document.components.schemas[shape.$ref.split("/").at(-1)!]!)

const fieldText = (name: string, shape: Shape): FieldText => ({
  name,
  values: valuesOf(shape),
  about: descriptionOf(shape)
})

const parts = (shape: Shape): ReadonlyArray<Shape> => [...(shape.anyOf ?? []), ...(shape.allOf ?? [])].map(resolved)

const descriptionOf = (given: Shape): string => {
  const shape = resolved(given)
  return (
    shape.description ??
    parts(shape)
      .map(descriptionOf)
      .find((found) => found !== "") ??
    ""
  )
}

const valuesOf = (given: Shape): string => {
  const shape = resolved(given)
  if (shape.enum !== undefined) return shape.enum.map((value) => `\`${String(value)}\``).join(", ")
  if (shape.type === "array") return `list of ${valuesOf(shape.items ?? {})}`
  if (shape.type !== undefined) return shape.format ?? shape.type
  return [...new Set(parts(shape).map(valuesOf))].filter((found) => found !== "").join(" or ")
}
