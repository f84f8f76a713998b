import { assert, describe, it } from "@effect/vitest"
import { type Event, EventBatch, linesOfBytes } from "@millrace/core"
import { batchOf } from "../../testing/src/index.ts"
import fc from "fast-check"

const text = fc.string({ unit: "binary", minLength: 1, maxLength: 20 }).filter((value) => value.isWellFormed())

const events = (project_id: string): fc.Arbitrary<ReadonlyArray<Event>> =>
  fc.array(
    fc.record({
      project_id: fc.constant(project_id),
      event_id: fc.uuid(),
      occurred_at: fc.nat(Number.MAX_SAFE_INTEGER),
      user_id: text,
      event_type: fc.oneof(text, fc.constant(`a","properties":{}`), fc.constant("line\nfeed")),
      properties: fc.dictionary(text, fc.jsonValue()).map((value) => JSON.stringify(value)),
      received_at: fc.nat(Number.MAX_SAFE_INTEGER),
      skew_micros: fc.integer()
    }),
    { minLength: 1, maxLength: 20 }
  )

const anyBatch = fc.oneof(text, fc.constant("default")).chain(events)

describe("EventBatch", () => {
  it("bytes decode to the same events, whatever text they hold", () => {
    fc.assert(
      fc.property(anyBatch, (batch) => {
        const encoded = EventBatch.fromEvents(batch)
        const decoded = EventBatch.fromBytes(encoded.bytes)
        assert.deepStrictEqual(decoded.events, batch)
        assert.deepStrictEqual(
          [decoded.count, decoded.received_at, decoded.project_id],
          [encoded.count, encoded.received_at, encoded.project_id]
        )
      })
    )
  })
  it("put together again from its ids and lines, it is the same; a missing id is refused", () => {
    fc.assert(
      fc.property(anyBatch, (batch) => {
        const whole = EventBatch.fromEvents(batch)
        const { bytes, ids } = whole
        assert.deepStrictEqual(EventBatch.fromParts(whole, ids, linesOfBytes(bytes)).bytes, bytes)
        assert.throws(() => EventBatch.fromParts(whole, ids.subarray(16), linesOfBytes(bytes)), RangeError)
      })
    )
  })
  it("has one line of JSON an event, equal to the event", () => {
    fc.assert(
      fc.property(anyBatch, (batch) => {
        const lines = new TextDecoder("utf-8", { ignoreBOM: true })
          .decode(linesOfBytes(EventBatch.fromEvents(batch).bytes))
          .split("\n")
        assert.strictEqual(lines.pop(), "")
        assert.deepStrictEqual(
          lines.map((line) => JSON.parse(line) as unknown),
          batch.map((event) => ({ ...event, properties: JSON.parse(event.properties) as unknown }))
        )
      })
    )
  })
  it("ids are the UUIDs' 16 bytes, in order", () => {
    fc.assert(
      fc.property(anyBatch, (batch) => {
        const hex = Array.from(EventBatch.fromEvents(batch).ids, (byte) => byte.toString(16).padStart(2, "0")).join("")
        assert.strictEqual(hex, batch.map((event) => event.event_id.replaceAll("-", "")).join(""))
      })
    )
  })
  it("split keeps every event in order, below the bound unless a part is one event", () => {
    fc.assert(
      fc.property(anyBatch, fc.integer({ min: 1, max: 2_000 }), (batch, maxBytes) => {
        const parts = EventBatch.fromEvents(batch).split(maxBytes)
        assert.deepStrictEqual(
          parts.flatMap((part) => part.events),
          batch
        )
        assert.isTrue(parts.every((part) => part.count === 1 || part.bytes.length <= maxBytes))
      })
    )
  })
  it("joined, the parts of a split are the batch again, in whatever form they are", () => {
    fc.assert(
      fc.property(anyBatch, fc.integer({ min: 1, max: 2_000 }), (batch, maxBytes) => {
        const whole = EventBatch.fromEvents(batch)
        const [first, ...rest] = whole.split(maxBytes).map((part) => EventBatch.fromBytes(part.bytes))
        const joined = EventBatch.join([first!, ...rest])
        assert.deepStrictEqual(joined.bytes, whole.bytes)
        assert.deepStrictEqual([joined.count, joined.received_at], [whole.count, whole.received_at])
      })
    )
  })
  it("a slice keeps its place in the log", () => {
    const batch = EventBatch.fromEvents(batchOf(1, 6).events, { log: "l", position: 4, offset: 0 })
    assert.deepStrictEqual(batch.slice(2, 6).slice(1, 2).origin, { log: "l", position: 4, offset: 3 })
  })
  it("bytes that are no batch are refused", () => {
    const { bytes } = batchOf(1, 3)
    for (let end = 0; end < 60; end++) assert.throws(() => EventBatch.fromBytes(bytes.slice(0, end)), RangeError)
    assert.throws(() => EventBatch.fromBytes(Uint8Array.from([9, ...bytes.slice(1)])), RangeError)
  })
})
