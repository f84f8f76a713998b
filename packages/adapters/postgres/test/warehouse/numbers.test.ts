import { assert } from "@effect/vitest"
import { EventBatch, sql, sumOf, Warehouse } from "@millrace/core"
import { eventOf, numberTexts } from "@millrace/testing"
import { postgres } from "@millrace/test-services"
import { describeWithService } from "@millrace/test-services/vitest"
import { Effect } from "effect"
import fc from "fast-check"
import { dialect } from "../../src/warehouse/dialect.ts"
import { lawOn, page, raw } from "./support.ts"

/** As no program prints numbers, and JSON allows. */
const ODD = [
  "1e-400",
  "-1e-20000",
  `0.${"0".repeat(20_000)}1`,
  `${"1".padEnd(5_000, "0")}e-4999`,
  `1e-${"9".repeat(60)}`,
  "0e99999999999",
  "2.4703282292062327e-324",
  "2.4703282292062328e-324",
  "2.5e-324",
  "1.7976931348623157e308"
]

const finite = fc.double({ noNaN: true, noDefaultInfinity: true })
const ordinary = fc.double({ noNaN: true, min: -1e9, max: 1e9 })

await describeWithService("PostgreSQL as a warehouse: numbers", postgres(), (server) => {
  const law = lawOn(server)

  law("the number of a JSON text is the double that JavaScript reads, however it is written", () =>
    Effect.gen(function* () {
      const texts = [...ODD, ...numberTexts()]
      const read = yield* raw(sql`
        SELECT number_of(text) AS number FROM jsonb_array_elements_text(${JSON.stringify(texts)}::jsonb)
          WITH ORDINALITY AS given (text, nth) ORDER BY nth`)
      assert.deepStrictEqual(
        read.map((row) => (row as { readonly number: number }).number + 0),
        texts.map((text) => Number(text) + 0)
      )
    })
  )

  law("a sum is the reference's, to the digit, also where it cancels, and infinite beyond the largest double", () =>
    Effect.gen(function* () {
      const cases = [
        [],
        [0.1, 0.2, 0.3],
        [1e300, 1, -1e300],
        [Number.MAX_VALUE, Number.MAX_VALUE],
        [-Number.MAX_VALUE, -Number.MAX_VALUE, 5],
        [5e-324, 5e-324, -5e-324],
        ...fc.sample(fc.array(fc.oneof(ordinary, ordinary, finite), { maxLength: 12 }), { numRuns: 150, seed: 11 })
      ]
      for (const values of cases) {
        const [row] = yield* raw(sql`
          SELECT ${dialect.sumOfDoubles(sql`value`)} AS sum FROM (
            SELECT element::float8 AS value FROM json_array_elements_text(${JSON.stringify(values)}::json) AS element
          ) AS given`)
        const { sum } = row as { readonly sum: number | null }
        assert.strictEqual((sum ?? 0) + 0, sumOf(values) + 0, JSON.stringify(values))
      }
    })
  )

  law("a mean is what doubles divide to, down to 0", () =>
    Effect.gen(function* () {
      const sums = [5e-324, -5e-324, 1e-323, 1.5e-323, 2 ** -1070, 1e-250, 7, -1e300, 0]
      for (const [count, sum] of [1, 2, 3, 4, 7, 1_000].flatMap((each) => sums.map((of) => [each, of] as const))) {
        const [row] = yield* raw(sql`SELECT ${dialect.over(dialect.double(sum), sql`${count}`)} AS mean`)
        assert.strictEqual((row as { readonly mean: number }).mean + 0, sum / count + 0, `${sum} / ${count}`)
      }
      assert.deepStrictEqual(yield* raw(sql`SELECT ${dialect.over(sql`NULL::float8`, sql`0`)} AS mean`), [
        { mean: null }
      ])
    })
  )

  law("a property of any odd number stops no question", () =>
    Effect.gen(function* () {
      const warehouse = yield* Warehouse
      const events = ODD.map((text, index) => eventOf(index + 1, { properties: `{"n":${text}}` }))
      yield* warehouse.load(page("1", EventBatch.fromEvents(events)))
      const rows = yield* raw(sql`
        SELECT ${dialect.propertyNumber("n")} AS number, ${dialect.propertyDigits("n")} AS digits,
          ${dialect.canonicalCode("n", dialect.propertyCode("n"))} AS code FROM events`)
      assert.strictEqual(rows.length, ODD.length)
    })
  )
})
