import { arbitraries, eventOf } from "../../testing/src/index.ts"
import { decodeParams } from "@millrace/core"
import fc from "fast-check"
import { Result } from "effect"
import { assert, describe, it } from "vitest"
import { BadFilter, type Condition, type Filter, matches, parseFilter, readFilter } from "../src/metric/filter/index.ts"

/** The expression that says what the filter says. */
const print = (filter: Filter): string => {
  if ("and" in filter) return `(${filter.and.map(print).join(" and ")})`
  if ("or" in filter) return `(${filter.or.map(print).join(" or ")})`
  return printCondition(filter)
}

const printCondition = (condition: Condition): string => {
  const field = condition.field.startsWith("properties.")
    ? `properties.${JSON.stringify(condition.field.slice("properties.".length))}`
    : condition.field
  if (condition.op === "exists") return `${field} ${condition.value ? "exists" : "not exists"}`
  if (condition.op === "in") return `${field} in (${condition.value.map((one) => JSON.stringify(one)).join(", ")})`
  return `${field} ${condition.op} ${JSON.stringify(condition.value)}`
}

/** Joining one part is that part. */
const flat = (filter: Filter): Filter => {
  if ("field" in filter) return filter
  const parts = ("and" in filter ? filter.and : filter.or).map(flat)
  return parts.length === 1 ? parts[0]! : "and" in filter ? { and: parts } : { or: parts }
}

const asJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

describe("filters", () => {
  it("an expression says what its JSON says", () => {
    fc.assert(
      fc.property(arbitraries.filter, (filter) => {
        assert.deepStrictEqual(asJson(parseFilter(print(filter))), asJson(flat(filter)))
        assert.deepStrictEqual(asJson(parseFilter(JSON.stringify(filter))), asJson(filter))
      }),
      { numRuns: 2_000 }
    )
  })

  it("`and` binds tighter than `or`; parentheses group; bare names may hold dots", () => {
    const [a, b, c] = ["a", "b.c", "$d"].map((name): Condition => ({ field: `properties.${name}`, op: "=", value: 1 }))
    assert.deepStrictEqual(parseFilter("properties.a = 1 or properties.b.c=1 and properties.$d =1"), {
      or: [a!, { and: [b!, c!] }]
    })
    assert.deepStrictEqual(parseFilter("(properties.a = 1 or properties.b.c = 1)and(properties.$d = 1)"), {
      and: [{ or: [a!, b!] }, c!]
    })
  })

  it("conditions hold by type, code point and presence", () => {
    const event = eventOf(1, {
      event_type: "visit",
      properties: '{"plan":"pro","amount":10,"text":"10","paid":true,"gone":null,"list":["pro"]}'
    })
    const rows: ReadonlyArray<readonly [string, boolean]> = [
      ['properties.plan = "pro"', true],
      ['properties.plan = "Pro"', false],
      ['properties.amount = "10"', false],
      ["properties.text = 10", false],
      ["properties.amount >= 10", true],
      ['properties.text < "9"', true],
      ["properties.text < 11", false],
      ["properties.paid = true", true],
      ["properties.paid != 1", true],
      ["properties.gone exists", false],
      ["properties.gone != 1", true],
      ["properties.none not exists", true],
      ["properties.list exists", true],
      ['properties.list = "pro"', false],
      ['properties.plan contains "r"', true],
      ['properties.list contains "pro"', false],
      ['properties.plan in ("free", "pro")', true],
      ['event_type in ("visit")', true],
      ['event_type contains "isi"', true],
      ['properties."plan" = "pro" and properties.amount < 10', false]
    ]
    for (const [text, expected] of rows) assert.strictEqual(matches(event, parseFilter(text)), expected, text)
  })

  const refused: ReadonlyArray<readonly [text: string, message: RegExp]> = [
    ["", /ends at character 1, where event_type or properties/u],
    ["plan = 1", /must name event_type or properties\.<name>; write properties\.plan \(at \/field\)/u],
    ["properties.a", /ends at character 13, where an operator/u],
    ["properties.a = pro", /has pro at character 16, where a value/u],
    ["properties.a = 01", /01 at character 16, which is not JSON/u],
    ["properties.a = 1e999", /must be text, a number/u],
    ["properties.a = 1 and", /ends at character 21/u],
    ["properties.a = 1 properties.b = 2", /at character 18, where and, or, or the end/u],
    ["(properties.a = 1", /where \) was expected/u],
    ["properties.a in ()", /where a value/u],
    ["properties.a = 1; DROP TABLE events", /unreadable at character 17/u],
    ["properties.a < true", /must be a number or text \(at \/value\)/u],
    ["properties.a contains 1", /must be text/u],
    [`properties.a = "\\u0000"`, /U\+0000/u],
    [`properties.a = "\\ud800"`, /half a pair/u],
    [`properties.a = "${"x".repeat(1_001)}"`, /longer than 1000/u],
    ["(".repeat(20_000), /nest deeper than 8/u],
    ["x".repeat(65_537), /longer than 65536/u],
    [Array.from({ length: 101 }, () => "properties.a = 1").join(" and "), /list of 1 to 100/u],
    ["{", /valid JSON/u],
    ['{"and":[]}', /list of 1 to 100 \(at \/and\)/u],
    ['{"and":[{"field":"event_type","op":"=","value":1,"x":2}]}', /unknown key "x" \(at \/and\/0\)/u],
    ['{"or":[{"field":"event_type","op":"like","value":"x"}]}', /operators .* \(at \/or\/0\/op\)/u],
    ['{"field":"user_id","op":"=","value":"x"}', /must name event_type/u],
    ['{"field":"event_type","op":"exists","value":1}', /true or false/u],
    ['{"field":"event_type","op":"=","value":null}', /must be text/u]
  ]
  for (const [text, message] of refused) {
    it(`refused with its place: ${text.slice(0, 60)}`, () => assert.throws(() => parseFilter(text), BadFilter, message))
  }

  it("nesting is bounded in JSON too", () => {
    let json: unknown = { field: "event_type", op: "exists" }
    for (let depth = 0; depth < 8; depth++) json = { and: [json] }
    assert.throws(() => readFilter(json), BadFilter, /deeper than 8/u)
  })

  it("every metric's parameters take it as text, as JSON text and as an object, and name it when they refuse it", () => {
    const filter: Filter = { field: "properties.plan", op: "=", value: "pro" }
    for (const where of ['properties.plan = "pro"', JSON.stringify(filter), filter]) {
      const params = Result.getOrThrow(decodeParams("dau", { from: "2026-01-01", to: "2026-01-02", where }))
      assert.deepStrictEqual(params.where, filter)
    }
    const bad = decodeParams("dau", { from: "2026-01-01", to: "2026-01-02", where: "plan" })
    assert.isTrue(Result.isFailure(bad))
    if (Result.isFailure(bad)) assert.deepInclude(bad.failure, { field: "where", code: "invalid_parameter" })
  })
})
