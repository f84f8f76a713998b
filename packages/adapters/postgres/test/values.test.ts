import { createHash } from "node:crypto"
import { type Event, EventBatch, EventStore } from "@millrace/core"
import { eventOf } from "@millrace/testing"
import { postgres } from "@millrace/test-services"
import { describeWithService } from "@millrace/test-services/vitest"
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import fc from "fast-check"
import { lawOn, replayAll } from "./support.ts"

/** Megabytes make no readable difference. */
const hashOf = (event: Event) =>
  createHash("sha256")
    .update(JSON.stringify(event, Object.keys(event).toSorted()))
    .digest("hex")

const PROPERTIES = [
  "{}",
  '{"number":1e300,"tiny":5e-324,"long":12345678901234567890,"zero":-0,"exact":1.0}',
  '{"":"empty key","a":{"":[null,true,{"":""}]},"b":1,"b":2}',
  `{"text":"\u2028\u2029 é 😀 \\u00e9 \\ud83d\\ude00 \\n \\\\ \\" / \\/ \u007f"}`,
  '{ "spaces" : [ 1 , 2 ] }',
  `{"deep":${"[".repeat(31)}${"]".repeat(31)}}`,
  '{",\\"properties\\":":"the codec\'s own mark","null":null}'
]
const TEXTS = [
  "u",
  " padded ",
  "\u2028",
  "é😀",
  '"quoted"',
  "back\\slash",
  "tab\tnew\nline\r",
  "\u0001\u001f\u007f",
  "x".repeat(256),
  "'; DROP"
]

await describeWithService("values", postgres(), (server) => {
  const law = lawOn(server)

  law("replay: gives every value back as it was accepted", () =>
    Effect.gen(function* () {
      const events = PROPERTIES.flatMap((properties, row) =>
        TEXTS.map((text, column) =>
          eventOf(row * 100 + column + 1, {
            properties,
            user_id: text,
            event_type: text.slice(0, 100),
            skew_micros: 0 - column * 1e12
          })
        )
      )
      const edges = [0, 1, 4_133_980_799_999_999].map((occurred_at, at) =>
        eventOf(9_000 + at, {
          occurred_at,
          received_at: occurred_at,
          skew_micros: at * 1e15,
          event_id: `${"0123456789abcdef".repeat(2).slice(at, at + 8)}-ffff-7fff-bfff-ffffffffffff`
        })
      )
      const all = [...events, ...edges]
      yield* (yield* EventStore).append([EventBatch.fromBytes(EventBatch.fromEvents(all).bytes)])
      assert.deepStrictEqual((yield* replayAll()).events, all)
    })
  )

  law("replay: any JSON object and any text that the judge lets through come back equal", () =>
    Effect.gen(function* () {
      const text = fc
        .string({ unit: "grapheme", minLength: 1, maxLength: 20 })
        .filter((value) => value.isWellFormed() && !value.includes("\0"))
      const json = fc.dictionary(text, fc.jsonValue({ stringUnit: "grapheme" }), { maxKeys: 5 })
      const [samples] = fc.sample(fc.array(fc.tuple(text, json), { minLength: 300, maxLength: 300 }), {
        numRuns: 1,
        seed: 7
      })
      const events = samples!
        .map(([user_id, value], at) => eventOf(at + 1, { user_id, properties: JSON.stringify(value) }))
        .filter(({ properties }) => !properties.includes("\\u0000"))
      yield* (yield* EventStore).append([EventBatch.fromEvents(events)])
      assert.deepStrictEqual((yield* replayAll()).events, events)
    })
  )

  law("append: rows that fill several chunks, and one larger than any, come back equal", () =>
    Effect.gen(function* () {
      const events = Array.from({ length: 60 }, (_, at) =>
        eventOf(at + 1, { properties: JSON.stringify({ text: "é".repeat(at === 30 ? 1_000_000 : 32_000) }) })
      )
      yield* (yield* EventStore).append([EventBatch.fromEvents(events)])
      const { events: found } = yield* replayAll()
      assert.deepStrictEqual(found.map(hashOf), events.map(hashOf))
    })
  )

  law("readable_events: shows the instants to the microsecond", ({ sql }) =>
    Effect.gen(function* () {
      const event = eventOf(1, { occurred_at: 1_767_225_600_123_457 })
      yield* (yield* EventStore).append([EventBatch.fromEvents([event])])
      assert.deepStrictEqual(yield* sql("SELECT (occurred_at AT TIME ZONE 'UTC')::text AS at FROM readable_events"), [
        { at: "2026-01-01 00:00:00.123457" }
      ])
    })
  )
})
