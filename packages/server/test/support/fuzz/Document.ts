export type Json = null | boolean | number | string | ReadonlyArray<Json> | { readonly [key: string]: Json }

/** The part of JSON Schema that the document uses. */
export interface JsonSchema {
  readonly $ref?: string
  readonly type?: "string" | "number" | "integer" | "boolean" | "array" | "object" | "null"
  readonly enum?: ReadonlyArray<Json>
  readonly const?: Json
  readonly anyOf?: ReadonlyArray<JsonSchema>
  readonly oneOf?: ReadonlyArray<JsonSchema>
  readonly allOf?: ReadonlyArray<JsonSchema>
  readonly format?: string
  readonly description?: string
  readonly pattern?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly items?: JsonSchema
  readonly minItems?: number
  readonly maxItems?: number
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: ReadonlyArray<string>
  readonly additionalProperties?: boolean | JsonSchema
}

export interface Parameter {
  readonly name: string
  readonly in: "query" | "path" | "header" | "cookie"
  readonly required: boolean
  readonly schema: JsonSchema
}

type Content = Readonly<Record<string, { readonly schema: JsonSchema }>>

interface DocumentedOperation {
  readonly operationId: string
  readonly parameters?: ReadonlyArray<Parameter>
  readonly requestBody?: { readonly content: Content; readonly required?: boolean }
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>
  readonly security?: ReadonlyArray<unknown>
}

export interface OpenApiDocument {
  readonly info: { readonly description: string }
  readonly paths: Readonly<Record<string, Readonly<Record<string, DocumentedOperation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> }
}

export interface Operation extends DocumentedOperation {
  /** As `POST /events`. */
  readonly name: string
  readonly method: string
  readonly path: string
  /** Of the JSON request body. */
  readonly jsonBody: JsonSchema | undefined
  readonly secured: boolean
}

export const operationsOf = ({ paths }: OpenApiDocument): ReadonlyArray<Operation> =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([lower, operation]) => ({
      ...operation,
      name: `${lower.toUpperCase()} ${path}`,
      method: lower.toUpperCase(),
      path,
      jsonBody: operation.requestBody?.content["application/json"]?.schema,
      secured: (operation.security ?? []).length > 0
    }))
  )

/** The schema itself: references followed, and what `allOf` adds laid over it. */
export const resolve = (document: OpenApiDocument, schema: JsonSchema): JsonSchema => {
  const named = schema.$ref?.replace("#/components/schemas/", "")
  const { allOf = [], ...own } = named === undefined ? schema : document.components.schemas[named]!
  return Object.assign({}, own, ...allOf.map((part) => resolve(document, part))) as JsonSchema
}
