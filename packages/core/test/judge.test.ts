import { assert, describe, it } from "@effect/vitest"
import { EventInput, judge, parseInstant, formatInstant, skewOf } from "@millrace/core"
import { Schema } from "effect"
import fc from "fast-check"

const NOW = Date.UTC(2026, 5, 1) * 1000
const context = { project_id: "default", received_at: NOW, skew_micros: 0 }
const valid = {
  event_id: "0190A6C2-7B1E-7000-8000-000000000001",
  occurred_at: "2026-05-31T12:00:00.123456789+02:00",
  user_id: " Ann ",
  event_type: "visit",
  properties: { a: [1, { b: null }] }
}

const rejection = (raw: unknown) => {
  const verdict = judge(raw, context)
  if (verdict._tag === "Accepted") throw new Error(`accepted ${JSON.stringify(raw)}`)
  const { code, path } = verdict.rejection
  return [code, path]
}

const nested = (depth: number): unknown => {
  let value: Record<string, unknown> = {}
  for (let level = 1; level < depth; level++) value = { a: value }
  return value
}

describe("judge", () => {
  it("accepts a valid event: id lower-case, time in UTC microseconds, user as it is, properties as text", () => {
    assert.deepStrictEqual(judge(valid, context), {
      _tag: "Accepted",
      event: {
        project_id: "default",
        event_id: "0190a6c2-7b1e-7000-8000-000000000001",
        occurred_at: Date.UTC(2026, 4, 31, 10) * 1000 + 123_456,
        user_id: " Ann ",
        event_type: "visit",
        properties: '{"a":[1,{"b":null}]}',
        received_at: NOW,
        skew_micros: 0
      }
    })
  })
  it("properties default to an empty object", () => {
    const { properties: _, ...rest } = valid
    const verdict = judge(rest, context)
    assert.strictEqual(verdict._tag === "Accepted" && verdict.event.properties, "{}")
  })
  it("each broken rule is named with the field's path", () => {
    const cases: ReadonlyArray<readonly [raw: unknown, code: string, path: string]> = [
      [null, "not_an_object", ""],
      [[valid], "not_an_object", ""],
      ["x", "not_an_object", ""],
      [{}, "missing_field", "/event_id"],
      [{ ...valid, event_id: "1" }, "invalid_uuid", "/event_id"],
      [{ ...valid, event_id: 1 }, "wrong_type", "/event_id"],
      [{ ...valid, occurred_at: 1_700_000_000 }, "wrong_type", "/occurred_at"],
      [{ ...valid, occurred_at: "2026-02-30T00:00:00Z" }, "invalid_date_time", "/occurred_at"],
      [{ ...valid, occurred_at: "2026-06-02T00:00:00.000001Z" }, "occurred_at_in_future", "/occurred_at"],
      [{ ...valid, user_id: "" }, "empty", "/user_id"],
      [{ ...valid, user_id: 7 }, "wrong_type", "/user_id"],
      [{ ...valid, user_id: "😀".repeat(257) }, "too_long", "/user_id"],
      [{ ...valid, user_id: "a\u0000" }, "null_character", "/user_id"],
      [{ ...valid, event_type: "x".repeat(101) }, "too_long", "/event_type"],
      [{ ...valid, event_type: "\ud800" }, "lone_surrogate", "/event_type"],
      [{ ...valid, properties: null }, "wrong_type", "/properties"],
      [{ ...valid, properties: [] }, "wrong_type", "/properties"],
      [{ ...valid, properties: { a: ["\udc00"] } }, "lone_surrogate", "/properties/a/0"],
      [{ ...valid, properties: { "a/~": "\u0000" } }, "null_character", "/properties/a~1~0"],
      [JSON.parse(`{"properties":{"n":1e400}}`), "missing_field", "/event_id"],
      [{ ...valid, properties: JSON.parse(`{"n":[1e400]}`) }, "not_a_finite_number", "/properties/n/0"],
      [{ ...valid, properties: JSON.parse(`{"n":1e131071}`) }, "not_a_finite_number", "/properties/n"],
      [{ ...valid, properties: JSON.parse(`{"__proto__":1}`) }, "forbidden_key", "/properties/__proto__"],
      [{ ...valid, properties: { x: { constructor: 1 } } }, "forbidden_key", "/properties/x/constructor"],
      [{ ...valid, properties: nested(33) }, "too_deep", `/properties${"/a".repeat(32)}`],
      [{ ...valid, properties: { a: "x".repeat(65_536) } }, "too_large", "/properties"],
      [{ ...valid, properties: { a: "é".repeat(32_768) } }, "too_large", "/properties"],
      [{ ...valid, project_id: "p" }, "unknown_field", "/project_id"],
      [JSON.parse(`{"__proto__":1,${JSON.stringify(valid).slice(1)}`), "unknown_field", "/__proto__"]
    ]
    for (const [raw, code, path] of cases) assert.deepStrictEqual(rejection(raw), [code, path])
  })
  it("bounds are inclusive", () => {
    const accepted = (raw: unknown) => judge(raw, context)._tag
    assert.strictEqual(accepted({ ...valid, user_id: "😀".repeat(256) }), "Accepted")
    assert.strictEqual(accepted({ ...valid, event_type: "x".repeat(100) }), "Accepted")
    assert.strictEqual(accepted({ ...valid, properties: nested(32) }), "Accepted")
    assert.strictEqual(accepted({ ...valid, properties: { a: "x".repeat(65_536 - 8) } }), "Accepted")
    assert.strictEqual(accepted({ ...valid, occurred_at: "2026-06-02T00:00:00Z" }), "Accepted")
  })
  it("a refusal never throws and always says something, whatever JSON comes", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.jsonValue(), fc.record({ event_id: fc.jsonValue(), properties: fc.jsonValue() })),
        (raw) => {
          const verdict = judge(raw, context)
          assert.strictEqual(verdict._tag, "Rejected")
          if (verdict._tag === "Rejected") assert.isNotEmpty(verdict.rejection.message)
        }
      )
    )
  })
  it("accepts exactly what the schema in the API's description accepts", () => {
    const isEventInput = Schema.is(EventInput)
    const field = (good: string) => fc.oneof({ weight: 6, arbitrary: fc.constant(good) }, fc.jsonValue())
    const raws = fc.record(
      {
        event_id: field(valid.event_id),
        occurred_at: field("2026-05-31T12:00:00Z"),
        user_id: fc.oneof({ weight: 6, arbitrary: fc.constant("ann") }, fc.string({ unit: "binary" }), fc.jsonValue()),
        event_type: field("visit"),
        properties: fc.oneof(fc.dictionary(fc.string({ unit: "binary" }), fc.jsonValue()), fc.jsonValue())
      },
      { requiredKeys: ["event_id", "occurred_at", "user_id"] }
    )
    fc.assert(
      fc.property(raws, (raw) => {
        assert.strictEqual(judge(raw, context)._tag === "Accepted", isEventInput(raw))
      }),
      { numRuns: 1_000 }
    )
  })
  it("100,000 levels of nesting are refused, not overflowed", () => {
    const deep = JSON.parse(`${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`) as unknown
    assert.strictEqual(rejection({ ...valid, properties: deep })[0], "too_deep")
  })
})

describe("skewOf", () => {
  it("corrects only beyond 60 seconds, in either direction", () => {
    assert.deepStrictEqual(
      [-61, -60, 0, 60, 61].map((seconds) => skewOf(NOW, NOW + seconds * 1_000_000)),
      [61_000_000, 0, 0, 0, -61_000_000]
    )
    assert.strictEqual(skewOf(NOW, undefined), 0)
  })
  it("is added to occurred_at and kept", () => {
    const verdict = judge(valid, { ...context, skew_micros: -5_000_000 })
    if (verdict._tag === "Rejected") throw new Error(verdict.rejection.message)
    assert.strictEqual(verdict.event.occurred_at, Date.UTC(2026, 4, 31, 10) * 1000 + 123_456 - 5_000_000)
    assert.strictEqual(verdict.event.skew_micros, -5_000_000)
  })
})

describe("parseInstant", () => {
  it("reads what formatInstant writes, to the microsecond", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: Date.UTC(2100, 11, 31) * 1000 }), (micros) => {
        assert.strictEqual(parseInstant(formatInstant(micros)), micros)
      })
    )
  })
  it("agrees with Date on every calendar day and its neighbours", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1970, max: 2100 }),
        fc.integer({ min: 0, max: 13 }),
        fc.integer({ min: 0, max: 32 }),
        (y, m, d) => {
          const text = `${y}-${String(m).padStart(2, "0")}-${String(d).padStart(2, "0")}`
          const date = new Date(`${text}T00:00:00Z`)
          const real = !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text)
          assert.strictEqual(parseInstant(`${text}T00:00:00Z`), real ? date.getTime() * 1000 : undefined)
        }
      )
    )
  })
  it("refuses what is no RFC 3339 date-time with an offset between 1970 and 2100", () => {
    for (const text of [
      "2026-01-01",
      "2026-01-01T00:00:00",
      "2026-01-01T24:00:00Z",
      "2026-01-01T23:59:60Z",
      "2026-02-30T00:00:00Z",
      "1",
      "2026-01-01T00:00:00.Z",
      "2026-01-01T00:00:00.1234567890Z",
      "2026-01-01T00:00:00+24:00",
      "1969-12-31T23:59:59Z",
      "1970-01-01T00:00:00+00:01",
      "2101-01-01T00:00:00Z",
      "2026-01-01T00:00:00Z\n",
      "２０26-01-01T00:00:00Z"
    ]) {
      assert.isUndefined(parseInstant(text), text)
    }
  })
})
