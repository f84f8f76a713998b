import fc from "fast-check"
import type { Condition, Field, Filter } from "@millrace/core"
import { eventType, NUMBERS, PROPERTY_NAMES, TEXTS } from "./history.ts"

const property = fc
  .oneof(
    { weight: 3, arbitrary: fc.constantFrom("plan", "amount") },
    { weight: 1, arbitrary: fc.constantFrom(...PROPERTY_NAMES) }
  )
  .map((name): Field => `properties.${name}`)

const text = fc.oneof(fc.constantFrom("pro", "free"), fc.constantFrom(...TEXTS))
const number = fc.oneof(fc.constantFrom(1, 2.5, 0), fc.constantFrom(...NUMBERS))
const value = fc.oneof<Array<fc.Arbitrary<string | number | boolean>>>(text, number, fc.boolean())

const onProperty: fc.Arbitrary<Condition> = fc.oneof<Array<fc.Arbitrary<Condition>>>(
  fc.record({ field: property, op: fc.constantFrom("=", "!="), value }),
  fc.record({
    field: property,
    op: fc.constantFrom("<", "<=", ">", ">="),
    value: fc.oneof<Array<fc.Arbitrary<string | number>>>(text, number)
  }),
  fc.record({ field: property, op: fc.constant("in"), value: fc.array(value, { minLength: 1, maxLength: 4 }) }),
  fc.record({ field: property, op: fc.constant("exists"), value: fc.boolean() }),
  fc.record({ field: property, op: fc.constant("contains"), value: text })
)

const onType: fc.Arbitrary<Condition> = fc.oneof<Array<fc.Arbitrary<Condition>>>(
  fc.record({
    field: fc.constant("event_type"),
    op: fc.constantFrom("=", "!=", "<", "<=", ">", ">="),
    value: eventType
  }),
  fc.record({
    field: fc.constant("event_type"),
    op: fc.constant("in"),
    value: fc.array(fc.oneof<Array<fc.Arbitrary<string | number>>>(eventType, number), { minLength: 1, maxLength: 3 })
  }),
  fc.record({ field: fc.constant("event_type"), op: fc.constant("exists"), value: fc.boolean() }),
  fc.record({
    field: fc.constant("event_type"),
    op: fc.constant("contains"),
    value: fc.constantFrom("i", "vis", "", "%")
  })
)

export const condition = fc.oneof({ weight: 3, arbitrary: onProperty }, { weight: 1, arbitrary: onType })

const parts = (part: fc.Arbitrary<Filter>) => fc.array(part, { minLength: 1, maxLength: 3 })

/** Conditions, alone or joined, up to three levels deep. */
export const filter: fc.Arbitrary<Filter> = fc.letrec<{ readonly filter: Filter }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 2 },
    condition,
    fc.record({ and: parts(tie("filter")) }),
    fc.record({ or: parts(tie("filter")) })
  )
})).filter
