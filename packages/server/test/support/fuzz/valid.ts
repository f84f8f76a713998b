import * as fc from "fast-check"
import { type Json, type JsonSchema, type OpenApiDocument, resolve } from "./Document.ts"

const eventTypes = fc.constantFrom("visit", "purchase", "sign up", "página")
const conditions = fc.constantFrom<Json>(
  { field: "event_type", op: "=", value: "visit" },
  { field: "properties.plan", op: "in", value: ["free", "pro"] },
  {
    or: [
      { field: "properties.amount", op: ">", value: 5 },
      { field: "properties.plan", op: "exists", value: false }
    ]
  }
)
const conditionTexts = fc.constantFrom(
  'event_type = "visit"',
  'properties.plan in ("free", "pro") and properties.amount >= 10',
  '{"field":"properties.amount","op":">","value":5}'
)
const wholeNumbers = fc.integer({ min: 1, max: 30 })

/**
 * What a schema cannot say of a value, by the name it stands under: zones, filters and dates in order. A name that is not here gets
 * whatever its schema allows.
 */
const HINTS: Readonly<Record<string, (schema: JsonSchema) => fc.Arbitrary<Json> | undefined>> = {
  tz: () => fc.constantFrom("UTC", "Europe/Paris", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"),
  from: () => dates(1, 14),
  start_date: () => dates(1, 14),
  to: () => dates(14, 28),
  end_date: () => dates(14, 28),
  window: () => fc.constantFrom("30m", "24h", "7d"),
  where: ({ type }) => (type === "string" ? conditionTexts : conditions),
  steps: ({ type }) =>
    type === "string"
      ? fc.constantFrom(
          "visit,purchase",
          "sign up,visit,purchase",
          '["visit",{"field":"properties.plan","op":"=","value":"pro"}]'
        )
      : fc.array(conditions, { minLength: 2, maxLength: 3 }),
  limit: ({ type }) => (type === "string" ? wholeNumbers.map(String) : wholeNumbers),
  cohort: () => fc.constant("2026-01-01"),
  cell: ({ type }) => fc.constant(type === "string" ? "0" : 0),
  step: ({ type }) => fc.constant(type === "string" ? "1" : 1),
  after: () => fc.constantFrom("1", "planted-user-3"),
  property: () => fc.constantFrom("amount", "plan"),
  breakdown: () => fc.constantFrom("event_type", "properties.plan"),
  // No more than a range has: more are refused by what is meant.
  intervals: ({ type }) => fc.constant(type === "string" ? "1" : 1),
  event_type: () => eventTypes,
  // A clock that is wrong moves its events.
  sent_at: () => fc.constant(new Date().toISOString()),
  start_event: () => eventTypes,
  return_event: () => eventTypes,
  user_id: () => fc.integer({ min: 1, max: 20 }).map((user) => `planted-user-${user}`),
  properties: ({ type }) =>
    type === "object" ? fc.record({ plan: fc.constantFrom("free", "pro"), amount: fc.integer() }) : undefined
}

const dates = (first: number, last: number) =>
  fc.integer({ min: first, max: last }).map((day) => `2026-01-${String(day).padStart(2, "0")}`)

const FORMATS: Readonly<Record<string, fc.Arbitrary<string>>> = {
  date: dates(1, 28),
  "date-time": fc
    .date({ min: new Date("2026-01-01"), max: new Date("2026-01-28"), noInvalidDate: true })
    .map((date) => date.toISOString()),
  uuid: fc.uuid({ version: [4, 7] }),
  email: fc.emailAddress(),
  uri: fc.webUrl()
}

/** Any value that the schema allows; `name`: the property or parameter it is for. */
export const valueOf = (document: OpenApiDocument, given: JsonSchema, name = ""): fc.Arbitrary<Json> => {
  const schema = resolve(document, given)
  const hinted = Object.hasOwn(HINTS, name) && schema.anyOf === undefined ? HINTS[name]!(schema) : undefined
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum)
  if (schema.const !== undefined) return fc.constant(schema.const)
  if (hinted !== undefined) return hinted
  const choices = schema.anyOf ?? schema.oneOf
  if (choices !== undefined) return fc.oneof(...choices.map((choice) => valueOf(document, choice, name)))
  switch (schema.type) {
    case "string":
      return textOf(schema)
    case "integer":
      return fc.integer({ min: Math.max(schema.minimum ?? 0, -1_000), max: Math.min(schema.maximum ?? 1_000, 1_000) })
    case "number":
      return fc.double({ min: schema.minimum ?? -1e6, max: schema.maximum ?? 1e6, noNaN: true })
    case "boolean":
      return fc.boolean()
    case "null":
      return fc.constant(null)
    case "array":
      return listOf(document, schema)
    case "object":
      return objectOf(document, schema)
    default:
      return fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<Json>
  }
}

/** How query strings say that they hold a number. */
const WHOLE_NUMBER = /^A whole number from (\d+) to (\d+)\.$/u

const textOf = ({
  description = "",
  format,
  maxLength = 30,
  minLength = 0,
  pattern
}: JsonSchema): fc.Arbitrary<string> => {
  if (format !== undefined && Object.hasOwn(FORMATS, format)) return FORMATS[format]!
  const [, min, max] = WHOLE_NUMBER.exec(description) ?? []
  if (min !== undefined) return fc.integer({ min: Number(min), max: Number(max) }).map(String)
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern, "u"))
  return fc.string({ minLength, maxLength: Math.min(maxLength, minLength + 30), unit: "grapheme-ascii" })
}

const LIST_MAX = 6

const listOf = (document: OpenApiDocument, { items = {}, maxItems = LIST_MAX, minItems = 0 }: JsonSchema) =>
  fc.array(valueOf(document, items), {
    minLength: minItems,
    maxLength: Math.max(minItems, Math.min(maxItems, LIST_MAX))
  })

/** What holds between parameters, which no schema of one of them says. */
export const settle = <Value extends Json>(
  values: Readonly<Record<string, Value>>,
  known: ReadonlyArray<string>
): Readonly<Record<string, Value>> => {
  const settled: Record<string, Value | string> = { ...values }
  if (String(values["rolling"]) === "true") delete settled["interval"]
  if (known.includes("measure") && known.includes("property")) {
    if (needsProperty(String(values["measure"] ?? "events"))) settled["property"] ??= "amount"
    else delete settled["property"]
  }
  if (known.includes("breakdown_value")) {
    if (values["breakdown"] === undefined) delete settled["breakdown_value"]
    else settled["breakdown_value"] ??= "visit"
  }
  // Of a cell: the first one of the answer, in days.
  if (known.includes("date")) {
    settled["date"] = values["from"] ?? "2026-01-01"
    delete settled["interval"]
  }
  return settled as Readonly<Record<string, Value>>
}

const needsProperty = (measure: string) => measure !== "events" && measure !== "users"

const objectOf = (document: OpenApiDocument, { properties = {}, required = [] }: JsonSchema): fc.Arbitrary<Json> =>
  recordOf(
    Object.fromEntries(Object.entries(properties).map(([name, property]) => [name, valueOf(document, property, name)])),
    required
  )

/** Some or all of the fields, all of the required ones; consistent with each other. */
export const recordOf = <Value extends Json>(
  fields: Readonly<Record<string, fc.Arbitrary<Value>>>,
  required: ReadonlyArray<string>
): fc.Arbitrary<Readonly<Record<string, Value>>> =>
  fc
    .record(fields, { requiredKeys: [...required], noNullPrototype: true })
    .map((record) => settle(record as Readonly<Record<string, Value>>, Object.keys(fields)))
