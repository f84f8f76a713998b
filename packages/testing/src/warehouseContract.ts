import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import { EventBatch, query, Warehouse, WarehouseLedger, type WarehouseServices } from "@millrace/core"
import { warehouseErasureLaws } from "./erasureLaws.ts"
import { batchOf, eventOf, eventsOf } from "./events.ts"
import { funnelLaws } from "./funnelLaws.ts"
import { largeHistoryLaws, type WarehouseLaw as Law } from "./largeHistoryLaws.ts"
import { type MetricExample, metricExamples, shownOf } from "./metricExamples/index.ts"
import { numberLaws } from "./numberLaws.ts"
import { answersOf, referenceLaws } from "./referenceLaws.ts"

export interface WarehouseContractOptions<E> {
  /** A layer that is built anew, and empty, for every test. */
  readonly layer: () => Layer.Layer<WarehouseServices, E>
}

/** The laws of every {@link Warehouse}; phrased by what answers show, not by what `load` claims. */
export const warehouseContract = <E>(name: string, options: WarehouseContractOptions<E>) => {
  const law: Law = (title, body, timeoutMillis) =>
    it.live(title, () => Effect.provide(body, options.layer()), timeoutMillis)
  describe(`Warehouse contract: ${name}`, () => {
    identityLaws(law)
    projectLaws(law)
    watermarkLaws(law)
    for (const example of metricExamples) law(`answer: ${example.title}`, exampleHolds(example))
    warehouseErasureLaws(law)
    numberLaws(law)
    largeHistoryLaws(law)
    funnelLaws(law)
    referenceLaws(name, law)
  })
}

const page = (cursor: string, ...batches: ReadonlyArray<EventBatch>) => ({ batches, cursor, duplicates: {} })

const DAY_1 = { from: "2026-01-01", to: "2026-01-01" }

/** Events by type over one day: enough to see which rows are there, and whose payload. */
const typesOn = Effect.fnUntraced(function* (date = "2026-01-01", project_id = "default") {
  const { rows } = yield* query({ metric: "top-events", project_id, params: { from: date, to: date, limit: 1000 } })
  return Object.fromEntries(rows.map((row) => [row.event_type, row.events]))
})

const identityLaws = (law: Law) => {
  law(
    "load: a page loaded again changes no answer",
    Effect.gen(function* () {
      const warehouse = yield* Warehouse
      const first = yield* warehouse.load(page("1", batchOf(1, 6)))
      const before = yield* typesOn()
      const again = yield* warehouse.load(page("2", batchOf(1, 6)))
      assert.deepStrictEqual(
        [first, again],
        [
          { inserted: 6, duplicates: 0 },
          { inserted: 0, duplicates: 6 }
        ]
      )
      assert.deepStrictEqual(before, { visit: 4, purchase: 2 })
      assert.deepStrictEqual(yield* typesOn(), before)
    })
  )
  law(
    "load: an id seen on an earlier page counts once, with its first payload, whatever day the later one names",
    Effect.gen(function* () {
      const warehouse = yield* Warehouse
      yield* warehouse.load(page("1", batchOf(1, 3, { event_type: "first" })))
      const year = 366 * 86_400_000_000
      const late = eventsOf(1, 4).map((event) => ({
        ...event,
        event_type: "late",
        occurred_at: event.occurred_at - year
      }))
      const report = yield* warehouse.load(page("2", EventBatch.fromEvents(late)))
      assert.deepStrictEqual(report, { inserted: 1, duplicates: 3 })
      assert.deepStrictEqual(yield* typesOn(), { first: 3 })
      assert.deepStrictEqual(yield* typesOn("2024-12-31"), { late: 1 })
    })
  )
  law(
    "load: an id repeated within a page counts once, the first of the page wins",
    Effect.gen(function* () {
      const types = ["one", "two", "three"].map((event_type) => batchOf(1, 2, { event_type }))
      const report = yield* (yield* Warehouse).load(page("1", ...types))
      assert.deepStrictEqual(report, { inserted: 2, duplicates: 4 })
      assert.deepStrictEqual(yield* typesOn(), { one: 2 })
    })
  )
  law(
    "rehearse: changes nothing",
    Effect.gen(function* () {
      const warehouse = yield* Warehouse
      yield* warehouse.load(page("1", batchOf(1, 2, { event_type: "kept" })), 5)
      yield* warehouse.rehearse([batchOf(3, 2)])
      assert.deepStrictEqual(yield* typesOn(), { kept: 2 })
      assert.deepStrictEqual(yield* warehouse.watermark, { cursor: "1", as_of: 5 })
      assert.deepStrictEqual(yield* warehouse.load(page("2", batchOf(3, 2))), { inserted: 2, duplicates: 0 })
    })
  )
  law(
    "load: text comes back as it went in, code point by code point",
    Effect.gen(function* () {
      const texts = [
        " ",
        "é",
        "e\u0301",
        "\u{1F600}",
        "\u2028",
        "'",
        '"',
        "\\",
        "\t",
        "\u0001",
        "\u007F",
        "\uFEFF",
        "\u{10FFFF}",
        "null",
        "1e5",
        "$1",
        "%s",
        "--"
      ]
      const events = texts.map((event_type, index) => eventOf(index, { event_type, user_id: event_type }))
      yield* (yield* Warehouse).load(page("1", EventBatch.fromEvents(events)))
      assert.deepStrictEqual(yield* typesOn(), Object.fromEntries(texts.map((text) => [text, 1])))
      const { rows } = yield* query({ metric: "dau", project_id: "default", params: DAY_1 })
      assert.strictEqual(rows[0]?.users, texts.length)
    })
  )
}

const projectLaws = (law: Law) => {
  law(
    "load: two projects may share an event id, and no answer mixes them",
    Effect.gen(function* () {
      const warehouse = yield* Warehouse
      const [a, b] = ["a", "b"].map((project_id) => batchOf(1, 3, { project_id, event_type: project_id }))
      yield* warehouse.load(page("1", a!, b!))
      yield* warehouse.load(page("2", batchOf(1, 4, { project_id: "b", event_type: "again" })))
      assert.deepStrictEqual(yield* typesOn("2026-01-01", "a"), { a: 3 })
      assert.deepStrictEqual(yield* typesOn("2026-01-01", "b"), { b: 3, again: 1 })
      assert.deepStrictEqual(yield* typesOn("2026-01-01", "c"), {})
      const { stored, duplicates } = yield* (yield* WarehouseLedger).counts
      assert.deepStrictEqual({ ...stored }, { a: 3, b: 4 })
      assert.strictEqual(duplicates["a"] ?? 0, 0)
      assert.strictEqual(duplicates["b"], 3)
    })
  )
}

const watermarkLaws = (law: Law) => {
  law(
    "watermark: starts empty, follows the page's cursor, and as_of moves only when given",
    Effect.gen(function* () {
      const warehouse = yield* Warehouse
      const seen = [yield* warehouse.watermark]
      const loads: ReadonlyArray<readonly [ReturnType<typeof page>, number?]> = [
        [page("1", batchOf(1, 2))],
        [page("2", batchOf(3, 2)), 70],
        [page("3", batchOf(5, 2))],
        [page("3"), 90],
        [page("4", batchOf(7, 2))]
      ]
      for (const [next, as_of] of loads) {
        yield* warehouse.load(next, as_of)
        seen.push(yield* warehouse.watermark)
      }
      assert.deepStrictEqual(
        seen.map(({ cursor, as_of }) => [cursor, as_of]),
        [
          ["", 0],
          ["1", 0],
          ["2", 70],
          ["3", 70],
          ["3", 90],
          ["4", 90]
        ]
      )
    })
  )
  law(
    "counts: stored, duplicates and lost are everything accepted up to the cursor, passed-over events included",
    Effect.gen(function* () {
      const warehouse = yield* Warehouse
      assert.deepStrictEqual(yield* (yield* WarehouseLedger).counts, {
        cursor: "",
        stored: {},
        duplicates: {},
        lost: {}
      })
      yield* warehouse.load({ ...page("1", batchOf(1, 4), batchOf(3, 4)), duplicates: { default: 5, other: 1 } })
      yield* warehouse.load({ ...page("2"), duplicates: { default: 2 }, lost: { default: 3, third: 4 } })
      const counts = yield* (yield* WarehouseLedger).counts
      assert.strictEqual(counts.cursor, "2")
      assert.strictEqual(counts.stored["default"], 6)
      assert.deepStrictEqual([counts.duplicates["default"], counts.duplicates["other"]], [9, 1])
      assert.deepStrictEqual([counts.lost["default"], counts.lost["third"]], [3, 4])
      yield* warehouse.load({ ...page("2"), duplicates: { default: 2 }, lost: { default: 3, third: 4 } })
      assert.deepStrictEqual(yield* (yield* WarehouseLedger).counts, counts)
    })
  )
}

const exampleHolds = Effect.fnUntraced(function* (example: MetricExample) {
  const warehouse = yield* Warehouse
  const others = example.events.map((event) => ({ ...event, project_id: "other", user_id: `not-${event.user_id}` }))
  yield* warehouse.load(page("1", ...EventBatch.group([...example.events, ...others])))
  for (const rows of yield* answersOf("default", example)) assert.deepStrictEqual(shownOf(example, rows), example.rows)
})
