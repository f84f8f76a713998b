import { assert, describe, it } from "@effect/vitest"
import { judge, numberOf, parseJson, printJson, type Verdict } from "@millrace/core"
import { arbitraries } from "../../testing/src/index.ts"
import fc from "fast-check"

const numberTexts = fc.array(arbitraries.numberText, { minLength: 1, maxLength: 8 })

describe("parseJson", () => {
  it("prints every number with the value that it was written with, an integer with its very digits", () => {
    fc.assert(
      fc.property(numberTexts, (texts) => {
        const printed = printJson(parseJson(`[${texts.join(" , ")}]`))!
          .slice(1, -1)
          .split(",")
        assert.deepStrictEqual(printed.map(arbitraries.exactValue), texts.map(arbitraries.exactValue))
        texts.forEach((text, index) => {
          if (/^-?[1-9]\d*$/u.test(text)) assert.strictEqual(printed[index], text)
        })
      }),
      { numRuns: 2_000, seed: 11 }
    )
  })
  it("reads everything else as JSON.parse does", () => {
    fc.assert(
      fc.property(fc.json(), fc.constantFrom("", "1234567890123456", "12345678901234567.5"), (json, beside) => {
        const text = beside === "" ? json : `[${json},${beside}]`
        assert.deepStrictEqual(parseJson(text), JSON.parse(text))
      }),
      { numRuns: 1_000, seed: 11 }
    )
    assert.deepStrictEqual(parseJson('{"a":"12345678901234567890"}'), { a: "12345678901234567890" })
    for (let before = 0; before < 40; before++) {
      const text = `[${" ".repeat(before)}1234567890123456,${"0.1234567890123456,".repeat(before % 3)}9007199254740993]`
      assert.include(printJson(parseJson(text)), ",9007199254740993]")
    }
    assert.throws(() => parseJson("[12345678901234567890,]"), SyntaxError)
    assert.throws(() => parseJson("[012345678901234567890]"), SyntaxError)
  })
  it("reads a number alone as within a document, and prints a bigint as an integer", () => {
    for (const text of arbitraries.NUMBER_TEXTS) assert.deepStrictEqual(numberOf(text), parseJson(text), text)
    assert.strictEqual(printJson({ a: 12345678901234567890n, b: 5n }), '{"a":12345678901234567890,"b":5}')
  })
})

describe("judge", () => {
  const verdict = (properties: string): Verdict =>
    judge(
      parseJson(
        `{"event_id":"00000000-0000-4000-8000-000000000001","occurred_at":"2026-01-01T00:00:00Z","user_id":"ann","event_type":"visit","properties":${properties}}`
      ),
      { project_id: "default", received_at: Date.UTC(2026, 0, 2) * 1000, skew_micros: 0 }
    )

  it("keeps an integer's digits at any depth", () => {
    const found = verdict('{"a":[{"b":12345678901234567890}],"c":-9007199254740993}')
    assert.strictEqual(
      found._tag === "Accepted" ? found.event.properties : found.rejection.code,
      '{"a":[{"b":12345678901234567890}],"c":-9007199254740993}'
    )
  })
  it("refuses a number that is no finite double, and one in place of the properties", () => {
    for (const text of arbitraries.INFINITE_TEXTS) {
      const found = verdict(`{"deep":[${text}]}`)
      assert.deepInclude(found._tag === "Rejected" ? found.rejection : {}, {
        code: "not_a_finite_number",
        path: "/properties/deep/0"
      })
    }
    const found = verdict("12345678901234567890")
    assert.strictEqual(found._tag === "Rejected" ? found.rejection.code : "", "wrong_type")
  })
})
