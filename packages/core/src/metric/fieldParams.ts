import { Schema, SchemaTransformation } from "effect"
import {
  BadFilter,
  type Field,
  fieldMeantBy,
  type Filter,
  parseFilter,
  PROPERTIES_PREFIX,
  propertyOf,
  readField
} from "./filter/index.ts"
import { blankProblem, isQuoted, typeSlip, unquoted } from "./slips.ts"
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
const nameOf = (written: string): string => propertyOf(fieldOf(written))!

const fieldOf = (written: string): Field => {
  if (written.startsWith(PROPERTIES_PREFIX)) return writtenField(written)
  if (isQuoted(written)) return writtenField(`${PROPERTIES_PREFIX}${written}`)
  const meant = fieldMeantBy(written)
  if (meant !== undefined) throw new BadFilter("", `is no property by that name; write ${meant}`)
  return writtenField(`${PROPERTIES_PREFIX}${written}`)
}

/** As people write it: blanks around a name are a slip, unless it stands in quotes. */
const writtenField = (written: string): Field => {
  const field = readField(written, "")
  const name = propertyOf(field)
  if (name === undefined) return field
  const problem = blankProblem(name, PROPERTIES_PREFIX)
  if (problem !== undefined) throw new BadFilter("", problem)
  return `${PROPERTIES_PREFIX}${unquoted(name)}`
}

/** What {@link writtenField} reads again. */
const writeField = (field: Field): string => {
  const name = propertyOf(field)
  const isPlain = name === undefined || (unquoted(name) === name && blankProblem(name) === undefined)
  return isPlain ? field : `${PROPERTIES_PREFIX}${JSON.stringify(name)}`
}

export const PropertyName = text(problemOf(nameOf), {
  description: "The name of a top-level property, with or without properties. before it."
}).pipe(
  Schema.decodeTo(
    Schema.String,
    SchemaTransformation.transform({
      decode: nameOf,
      encode: (name: string) => writeField(`${PROPERTIES_PREFIX}${name}`)
    })
  )
)

export const FieldName = text(problemOf(writtenField), { description: "event_type, or properties.<name>." }).pipe(
  Schema.decodeTo(
    Schema.declare((value): value is Field => typeof value === "string", { toCodecJson: () => undefined }).check(
      Schema.makeFilter(() => undefined, { toJsonSchema: () => ({ type: "string" }) })
    ),
    SchemaTransformation.transform({
      decode: writtenField,
      encode: writeField
    })
  )
)

const NAME_MAX_CHARACTERS = 100

const lengthProblem = (type: string): string | undefined => {
  const length = [...type].length
  return length >= 1 && length <= NAME_MAX_CHARACTERS ? undefined : "must be 1 to 100 characters long"
}

/** Of a row of the answer, which has it as it was sent. */
export const EventTypeOfRow = text(lengthProblem, { description: "As the row has it." })

export const EventType = text((value) => typeSlip(value) ?? lengthProblem(unquoted(value)), {
  description: "An event type; any event when absent."
}).pipe(
  Schema.decodeTo(
    Schema.String,
    SchemaTransformation.transform({
      decode: unquoted,
      encode: (type: string) => (typeSlip(type) === undefined && unquoted(type) === type ? type : JSON.stringify(type))
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
