import fc from "fast-check"
import type { Event } from "@millrace/core"
import { eventOf, idOf } from "../events.ts"
import { instantNear, instantWithin, walkFrom } from "./moments.ts"

/** Users: few, so that they meet; odd, so that nothing trims, folds or parses them. */
const USERS = ["u1", "u2", "u3", "U1", " u1", "NULL", "'; DROP TABLE events; --", "\u{1F600}", "2026-01-01"]
const TYPES = [
  "visit",
  "purchase",
  "$identify",
  "$identify",
  "Visit",
  "\u{1F600}",
  "\uFF5E",
  "é",
  "e\u0301",
  '"',
  "\\",
  "\u2028"
]

/** A user id; two of three events share a few users and types, since metrics are about what meets. */
export const userId = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom("u1", "u2", "u3") },
  { weight: 1, arbitrary: fc.constantFrom(...USERS) }
)
export const eventType = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom("visit", "purchase", "sign-up") },
  { weight: 1, arbitrary: fc.constantFrom(...TYPES) }
)

/** Names that a path, a pointer or a quotation could trip over. */
export const PROPERTY_NAMES = ["plan", "amount", "a", "", "a/b", "~0", "a.b", '"', "$.a", "é", "0", "'; --"]

export const TEXTS = [
  "pro",
  "Pro",
  "pr",
  "",
  "1",
  "true",
  "null",
  "$none",
  "$other",
  "9007199254740993",
  "\u{1F600}",
  "\uFF5E",
  '"',
  "%",
  "_"
]

export const NUMBERS = [0, -0, 1, -1, 2, 10, 0.25, -2.5, 1e15, 1e300, -1e300, 5e-324, 2 ** 53 + 2, 2 ** 63]
/** Numbers to add up, some that cancel, and some that no double holds: a sum knows no order. */
const SUMMABLE = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: -40, max: 40 }).map((quarters) => quarters / 4) },
  { weight: 1, arbitrary: fc.constantFrom(1e16, -1e16, 0.1, -0.1, 1e20, -1e20) }
)

const value = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom<unknown>(...TEXTS) },
  { weight: 2, arbitrary: fc.constantFrom<unknown>(...NUMBERS) },
  { weight: 2, arbitrary: fc.constantFrom<unknown>(true, false, null, [], ["pro"], {}, { plan: "pro" }) }
)

/** JSON with the same values in other letters, but for integers that no double is in place of their doubles. */
const respelled = (json: string) =>
  json
    .replaceAll("9007199254740994", "9007199254740993")
    .replaceAll("9223372036854776000", "9223372036854775807")
    .replaceAll(/:(-?\d{1,9})(?=[,}])/gu, ":$1.0")
    .replaceAll('"pro"', String.raw`"pr\u006f"`)

/**
 * Properties as they are written; `amount` holds summable numbers and, now and then, something else; an absent key is as
 * common as a present one.
 */
const written = fc
  .record(
    {
      plan: fc.oneof({ weight: 3, arbitrary: fc.constantFrom("pro", "pro", "free") }, { weight: 1, arbitrary: value }),
      amount: fc.oneof({ weight: 4, arbitrary: SUMMABLE }, { weight: 1, arbitrary: fc.constantFrom("7", null, true) }),
      // Enough of them that not all are told apart.
      sku: fc.nat(60).map((number) => (number % 3 === 0 ? `s${number}` : number)),
      other: fc.tuple(fc.constantFrom(...PROPERTY_NAMES.filter((name) => name !== "amount")), value)
    },
    { requiredKeys: [] }
  )
  .map(({ other, ...named }) => JSON.stringify(other === undefined ? named : { [other[0]]: other[1], ...named }))
const properties = fc
  .tuple(written, fc.constantFrom(false, false, true))
  .map(([json, again]) => (again ? respelled(json) : json))

/** A history: one project's accepted events near a moment, in order of arrival; ids repeat with other payloads. */
export const history = (around: number, maxLength = 40): fc.Arbitrary<ReadonlyArray<Event>> =>
  fc.oneof(
    { weight: 5, arbitrary: eventsAt(instantNear(around), maxLength) },
    { weight: 5, arbitrary: eventsAt(instantWithin(around), maxLength) },
    { weight: 1, arbitrary: walk(around) }
  )

/** A history, mostly of events so close to each other that one leads to the next. */
export const visits = (around: number): fc.Arbitrary<ReadonlyArray<Event>> =>
  fc.oneof({ weight: 1, arbitrary: history(around) }, { weight: 4, arbitrary: eventsAt(instantWithin(around), 40) })

/** Properties of `$identify`: mostly one of the users, whatever they have been named as by then. */
const anonymous = fc.oneof(
  { weight: 6, arbitrary: userId.map((anonymous_id) => JSON.stringify({ anonymous_id })) },
  { weight: 1, arbitrary: fc.constantFrom("{}", '{"anonymous_id":7}', '{"anonymous_id":""}', '{"anonymous_id":null}') }
)

/** A walk: one user's events, in order. */
const walk = (around: number): fc.Arbitrary<ReadonlyArray<Event>> =>
  fc
    .tuple(walkFrom(around), fc.array(fc.constantFrom("visit", "visit", "purchase", "sign-up"), { minLength: 1 }))
    .map(([instants, types]) =>
      instants.map((occurred_at, id) =>
        eventOf(id, { occurred_at, user_id: "u1", event_type: types[id % types.length]!, properties: "{}" })
      )
    )

const eventsAt = (instant: fc.Arbitrary<number>, maxLength: number): fc.Arbitrary<ReadonlyArray<Event>> =>
  fc.array(
    fc
      .record({ id: fc.nat(60), at: instant, user: userId, type: eventType, text: properties, named: anonymous })
      .map(({ id, at, named, text, type, user }) =>
        eventOf(id, {
          event_id: idOf(id),
          occurred_at: at,
          user_id: user,
          event_type: type,
          properties: type === "$identify" ? named : text
        })
      ),
    // Without a size, fast-check rarely makes more than ten.
    { maxLength, size: "max" }
  )
