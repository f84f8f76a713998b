import { type Json, type JsonSchema, type OpenApiDocument, resolve } from "./Document.ts"

export interface Broken {
  /** As `maxLength at /0/user_id`. */
  readonly rule: string
  readonly value: Json
}

type JsonObject = Readonly<Record<string, Json>>

const isObject = (value: Json): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const ONE_OF_EACH: ReadonlyArray<Json> = [null, true, 7.5, "text", [], {}]

const typeOf = (value: Json): string =>
  value === null ? "null" : Array.isArray(value) ? "array" : typeof value === "number" ? "number" : typeof value

/**
 * The value with one of the schema's rules broken, in every way that this knows. Of alternatives each is taken for the one that was meant,
 * so a result may still be valid: the caller checks.
 */
export function* breakRules(document: OpenApiDocument, given: JsonSchema, value: Json, at = ""): Generator<Broken> {
  const schema = resolve(document, given)
  const broken = (rule: string, replaced: Json): Broken => ({ rule: `${rule} at ${at || "/"}`, value: replaced })
  for (const choice of schema.anyOf ?? schema.oneOf ?? []) yield* breakRules(document, choice, value, at)
  if (schema.type !== undefined) {
    const wanted = schema.type === "integer" ? "number" : schema.type
    for (const other of ONE_OF_EACH) if (typeOf(other) !== wanted) yield broken(`type ${typeOf(other)}`, other)
  }
  if (schema.enum !== undefined) yield broken("enum", "none of these")
  if (typeof value === "string") yield* breakText(schema, broken)
  if (typeof value === "number") yield* breakNumber(schema, broken)
  if (Array.isArray(value)) yield* breakList(document, schema, value as ReadonlyArray<Json>, at)
  if (isObject(value)) yield* breakObject(document, schema, value, at)
}

type Make = (rule: string, replaced: Json) => Broken

function* breakText({ format, maxLength, minLength = 0, pattern }: JsonSchema, broken: Make): Generator<Broken> {
  if (minLength > 0) yield broken("minLength", "x".repeat(minLength - 1))
  if (maxLength !== undefined) yield broken("maxLength", "x".repeat(maxLength + 1))
  if (format !== undefined) yield broken("format", "2026-02-30T25:61:00")
  if (pattern !== undefined) yield broken("pattern", "\u0007?")
}

function* breakNumber({ maximum, minimum, type }: JsonSchema, broken: Make): Generator<Broken> {
  if (minimum !== undefined) yield broken("minimum", minimum - 1)
  if (maximum !== undefined) yield broken("maximum", maximum + 1)
  if (type === "integer") yield broken("integer", 1.5)
}

function* breakList(
  document: OpenApiDocument,
  { items, maxItems, minItems = 0 }: JsonSchema,
  list: ReadonlyArray<Json>,
  at: string
): Generator<Broken> {
  if (minItems > 0) yield { rule: `minItems at ${at || "/"}`, value: [] }
  const first = list[0]
  if (first === undefined || items === undefined) return
  if (maxItems !== undefined) {
    yield { rule: `maxItems at ${at || "/"}`, value: Array.from({ length: maxItems + 1 }, () => first) }
  }
  const last = list.length - 1
  for (const { rule, value } of breakRules(document, items, list[last]!, `${at}/${last}`)) {
    yield { rule, value: list.with(last, value) }
  }
}

function* breakObject(
  document: OpenApiDocument,
  { additionalProperties, properties = {}, required = [] }: JsonSchema,
  whole: JsonObject,
  at: string
): Generator<Broken> {
  for (const name of required) {
    const { [name]: _, ...rest } = whole
    yield { rule: `missing at ${at}/${name}`, value: rest }
  }
  if (additionalProperties === false) yield { rule: `extra at ${at || "/"}`, value: { ...whole, stray: 1 } }
  for (const [name, property] of Object.entries(properties)) {
    if (!Object.hasOwn(whole, name)) continue
    for (const { rule, value } of breakRules(document, property, whole[name]!, `${at}/${name}`)) {
      yield { rule, value: { ...whole, [name]: value } }
    }
  }
}

/** The value with one of its texts, or an object's key, replaced. */
export function* replaceTexts(value: Json, text: string): Generator<Json> {
  if (typeof value === "string") yield text
  else if (Array.isArray(value)) {
    const list = value as ReadonlyArray<Json>
    for (const [index, item] of list.entries())
      for (const inner of replaceTexts(item, text)) yield list.with(index, inner)
  } else if (isObject(value)) {
    for (const [name, property] of Object.entries(value)) {
      for (const inner of replaceTexts(property, text)) yield { ...value, [name]: inner }
    }
    // Not a literal: there __proto__ would set the prototype.
    yield Object.fromEntries([...Object.entries(value), [text, 1]])
  }
}
