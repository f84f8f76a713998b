import { Schema, SchemaTransformation } from "effect"
import {
  BadFilter,
  type Field,
  type Filter,
  parseFilter,
  PROPERTIES_PREFIX,
  propertyOf,
  readField
} from "./filter/index.ts"
import { parseSteps } from "./steps.ts"

/** A text with one rule, which says itself what it is. */
export const text = (problem: (value: string) => string | undefined, document: Record<string, string>) =>
  Schema.String.check(Schema.makeFilter(problem, { toJsonSchema: () => document }))

/** Why a text is refused, where `read` throws {@link BadFilter}. */
const problemOf =
  (read: (value: string) => unknown) =>
  (value: string): string | undefined => {
    try {
      read(value)
      return undefined
    } catch (error) {
      if (!(error instanceof BadFilter)) throw error
      return error.message
    }
  }

/** As JSON a decoded filter stays what it is. */
const alreadyJson = () => undefined

const FilterObject = Schema.declare((value): value is Filter => typeof value === "object" && value !== null, {
  toCodecJson: alreadyJson
}).check(
  Schema.makeFilter(() => undefined, {
    toJsonSchema: () => ({ type: "object", additionalProperties: true, description: FILTER_FORM })
  })
)

const FILTER_FORM =
  'A condition {"field": "event_type" or "properties.<name>", "op": "=", "!=", "in", "<", "<=", ">", ">=", "exists" or "contains", ' +
  '"value": …}, or {"and": […]} or {"or": […]} of such; 65,536 characters at most.'

export const FilterText = text(problemOf(parseFilter), {
  description: `An expression like: event_type = "purchase" and properties.amount >= 10; or JSON. ${FILTER_FORM}`
}).pipe(
  Schema.decodeTo(
    FilterObject,
    SchemaTransformation.transform({ decode: parseFilter, encode: (value: Filter) => JSON.stringify(value) })
  )
)

/** Elsewhere the same property is a field, so that its name is often written like one. */
const nameOf = (written: string): string => propertyOf(readField(fieldOf(written), ""))!
const fieldOf = (written: string) =>
  written.startsWith(PROPERTIES_PREFIX) ? written : `${PROPERTIES_PREFIX}${written}`

export const PropertyName = text(problemOf(nameOf), {
  description: "The name of a top-level property, with or without properties. before it."
}).pipe(
  Schema.decodeTo(
    Schema.String,
    SchemaTransformation.transform({
      decode: nameOf,
      encode: (name: string) => (name.startsWith(PROPERTIES_PREFIX) ? `${PROPERTIES_PREFIX}${name}` : name)
    })
  )
)

export const FieldName = text(
  problemOf((name) => readField(name, "")),
  { description: "event_type, or properties.<name>." }
).pipe(
  Schema.decodeTo(
    Schema.declare((value): value is Field => typeof value === "string", { toCodecJson: () => undefined }).check(
      Schema.makeFilter(() => undefined, { toJsonSchema: () => ({ type: "string" }) })
    ),
    SchemaTransformation.transform({
      decode: (value: string) => readField(value, ""),
      encode: (value: Field): string => value
    })
  )
)

export const StepsText = text(problemOf(parseSteps), {
  description: "Event types joined by commas (no blanks), or repeated; or a JSON list of event types and filters."
}).pipe(
  Schema.decodeTo(
    Schema.Array(FilterObject).annotate({ description: "A filter for each step." }),
    SchemaTransformation.transform({
      decode: parseSteps,
      encode: (value: ReadonlyArray<Filter>) => JSON.stringify(value)
    })
  )
)
