import { assert, describe, it } from "@effect/vitest"
import {
  accept,
  type Body,
  type Event,
  EventQueue,
  parseJson,
  printJson,
  readBatch,
  readBody,
  readPlain
} from "@millrace/core"
import { arbitraries, layerMemoryQueue } from "../../testing/src/index.ts"
import { Effect, Result } from "effect"
import fc from "fast-check"
import { isUtf8 } from "node:buffer"

const utf8 = new TextEncoder()
const PROJECT = 'sh"op'
const now = () => Date.now() * 1000

const queued = Effect.gen(function* () {
  const queue = yield* EventQueue
  if ((yield* queue.waiting).events === 0) return []
  const { batches } = yield* Effect.scoped(queue.take({ limit: 10_000, ackWaitMillis: 1_000 }))
  return batches.flatMap((batch) => batch.events)
})

const run = <A>(effect: Effect.Effect<A, unknown, EventQueue>) =>
  Effect.runPromise(Effect.provide(effect, layerMemoryQueue()))

const accepted = (body: Body) =>
  run(Effect.flatMap(accept(body, PROJECT), (verdict) => Effect.map(queued, (events) => ({ verdict, events }))))

const plainOf = (text: string) => readPlain(utf8.encode(text), now())

/** Texts of properties may differ in spaces and in how a number is written; their values may not. */
const comparable = (events: ReadonlyArray<Event>) =>
  events.map(({ properties, received_at: _received, ...event }) => ({
    ...event,
    properties: printJson(parseJson(properties))
  }))

/** The law: what is read as plain gives the verdict and the events that it gives as parsed JSON. */
const agree = async (text: string): Promise<boolean> => {
  const body = plainOf(text)
  if (body === undefined) return false
  const raw = Result.getOrThrow(readBatch(parseJson(text)))
  assert.deepStrictEqual([body.count, body.key], [raw.count, raw.key])
  const [plain, judged] = [await accepted(body), await accepted(raw)]
  assert.deepStrictEqual(plain.verdict, judged.verdict)
  assert.deepStrictEqual(comparable(plain.events), comparable(judged.events))
  return true
}

const event = (fields: object = {}) => ({
  event_id: "0190A6C2-7B1E-7000-8000-00000000000f",
  occurred_at: "2026-01-31T12:34:56.789Z",
  user_id: "ann",
  event_type: "visit",
  properties: { path: "/a b", n: 12.5, list: [1, -2, { ok: true, no: false, nil: null }], empty: {}, none: [] },
  ...fields
})

const body = (...events: ReadonlyArray<object>) => JSON.stringify(events)

describe("a plain body", () => {
  it("takes plain bodies, whatever their order of fields and spaces", async () => {
    const { occurred_at, ...rest } = event()
    const { properties: _, ...bare } = event()
    for (const text of [
      body(event()),
      body(event(), event({ user_id: "bö😀b", event_type: "é" }), bare),
      body({ occurred_at, ...rest }),
      JSON.stringify([bare], null, 2),
      ` [ ${body(event()).slice(1)} `,
      body(event({ properties: { quote: '"', back: "\\", line: "\n", slash: "/", ключ: "знач" } })),
      body(event({ occurred_at: "2026-01-31T12:34:56Z" })),
      body(event({ occurred_at: "2026-01-31t12:34:56.123456789+05:30" })),
      body(event({ properties: { a: { a: { a: 1 } }, b: { a: 2 } } }))
    ]) {
      assert.isTrue(await agree(text), text)
    }
  })
  it("leaves everything else to the judge", () => {
    const raw = (properties: string) =>
      `[${JSON.stringify(event()).replace(/"properties":.*/u, `"properties":${properties}}`)}]`
    for (const text of [
      "[]",
      "[1]",
      `{"events":${body(event())}}`,
      body(event({ user_id: "" })),
      body(event({ user_id: 7 })),
      body(event({ user_id: "x".repeat(257) })),
      body(event({ event_type: "a\nb" })),
      body(event({ event_id: "1" })),
      body(event({ occurred_at: "2026-02-30T00:00:00Z" })),
      body(event({ occurred_at: "2100-01-01T00:00:00Z" })),
      body(event({ occurred_at: "1999-01-01T00:00:00Z" })),
      body(event({ extra: 1 })),
      body(event({ properties: [] })),
      body(event({ properties: { a: "x".repeat(65_536) } })),
      body(event(), { user_id: "ann" }),
      `${body(event())} x`,
      body(event()).slice(0, -1),
      body(event()).replace('"visit"', '"visit","event_type":"again"'),
      raw('{"a":1,"a":2}'),
      raw('{"a":{"b":1,"b":2}}'),
      raw('{"__proto__":1}'),
      raw('{"a":[{"constructor":1}]}'),
      raw('{"a":1e400}'),
      raw('{"a":1e3}'),
      raw('{"a":-0}'),
      raw('{"a":01}'),
      raw('{"a":1.}'),
      raw('{"a":.5}'),
      raw('{"a":+1}'),
      raw('{"a":"\\u0000"}'),
      raw('{"a":"\\ud800"}'),
      raw('{"a":"\\x"}'),
      raw('{"a":"\t"}'),
      raw('{"a":\n1}'),
      raw('{"a":1,}'),
      raw('{"a":[1,]}'),
      raw('{"a":tru}'),
      raw("{a:1}"),
      raw(`${'{"a":'.repeat(33)}1${"}".repeat(33)}`),
      raw(`${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`)
    ]) {
      assert.isUndefined(plainOf(text), text.slice(0, 300))
    }
  })
  it("agrees with the judge on generated events", async () => {
    const key = fc.oneof(fc.constantFrom("a", "b", "path", "constructor", "ключ"), fc.string({ maxLength: 4 }))
    const text = fc.oneof(fc.string(), fc.string({ unit: "binary", maxLength: 8 }))
    const digits = arbitraries.numberText.map((number) => `#${number}#`)
    const json = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4, withCrossShrink: true },
        fc.oneof(text, fc.integer(), fc.double({ noNaN: true }), fc.boolean(), fc.constant(null), digits),
        fc.array(tie("value"), { maxLength: 3 }),
        fc.dictionary(key, tie("value"), { maxKeys: 4 })
      )
    })).value
    const anyEvent = fc.record({
      event_id: fc.uuid(),
      occurred_at: fc
        .date({ min: new Date("2001-09-10"), max: new Date(), noInvalidDate: true })
        .map((date) => date.toISOString()),
      user_id: fc.oneof({ weight: 5, arbitrary: fc.string({ minLength: 1, maxLength: 20 }) }, text),
      event_type: fc.constantFrom("visit", "buy", "é"),
      properties: fc.dictionary(key, json, { maxKeys: 4 })
    })
    let plain = 0
    const written = (events: unknown, indent: number) =>
      JSON.stringify(events, null, indent).replaceAll(/"#([^"#]+)#"/gu, "$1")
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyEvent, { minLength: 1, maxLength: 3 }),
        fc.constantFrom(0, 1),
        async (events, indent) => {
          if (await agree(written(events, indent))) plain++
        }
      ),
      { numRuns: 1_000 }
    )
    // About 120: an agreement on none of them would be idle.
    assert.isAbove(plain, 50)
  })
  it("a byte changed anywhere never lets something through that the judge refuses", async () => {
    const text = body(event(), event({ event_id: "0190a6c2-7b1e-7000-8000-000000000002" }))
    const differing: Array<string> = []
    const judges = (changed: string) =>
      agree(changed).catch(() => {
        differing.push(changed)
      })
    for (let at = 0; at < text.length; at++) {
      for (const replacement of ['"', "\\", "0", "{", "}", "[", ",", ":", " ", "e", "-", "\n"]) {
        await judges(text.slice(0, at) + replacement + text.slice(at + 1))
      }
      await judges(text.slice(0, at) + text.slice(at + 1))
    }
    assert.deepStrictEqual(differing, [])
  })
  it("is well-formed UTF-8, whatever bytes stand in the place of its own", () => {
    const bytes = utf8.encode(
      body(event({ user_id: "bö😀b", event_type: "é€", properties: { ключ: "зна߿ࠀ퟿\ue000\u{10ffff}" } }))
    )
    const found = { plain: 0, left: 0 }
    const lastOf = (at: number) => (bytes[at]! >= 0x80 ? 256 : 0)
    for (let at = 0; at < bytes.length; at++) {
      for (let byte = 0; byte < lastOf(at); byte++) {
        const changed = Uint8Array.from(bytes)
        changed[at] = byte
        const isPlain = readPlain(changed, now()) !== undefined
        if (isPlain) assert.isTrue(isUtf8(changed), `byte ${byte} at ${at}`)
        // Nothing but its being no UTF-8, or no text of one line, keeps it from being plain.
        if (!isPlain && isUtf8(changed)) assert.isBelow(byte, 0x80)
        found[isPlain ? "plain" : "left"]++
      }
    }
    assert.isAbove(found.plain, 500)
    assert.isAbove(found.left, 500)
  })
  it("keeps its values, whatever is read and awaited before it is accepted", async () => {
    const texts = [1, 2, 300].map((count) =>
      body(
        ...Array.from({ length: count }, (_, index) =>
          event({
            user_id: `user-${count}-${index}`,
            occurred_at: `2026-01-0${(index % 9) + 1}T${String(count % 24).padStart(2, "0")}:00:00Z`
          })
        )
      )
    )
    const bodies = texts.map((text) => Result.getOrThrow(readBody(utf8.encode(text), now())))
    for (const [index, read] of bodies.entries()) {
      assert.strictEqual(read._tag, "Plain")
      const alone = await accepted(Result.getOrThrow(readBatch(parseJson(texts[index]!))))
      assert.deepStrictEqual(comparable((await accepted(read)).events), comparable(alone.events))
    }
  })
  it("splits what is over 512 KiB, every event once and in order", async () => {
    const events = Array.from({ length: 4_000 }, (_, index) =>
      event({
        event_id: `00000000-0000-4000-8000-${index.toString(16).padStart(12, "0")}`,
        properties: { pad: "x".repeat(300) }
      })
    )
    const batches = await run(
      Effect.gen(function* () {
        yield* accept(plainOf(JSON.stringify(events))!, PROJECT)
        return (yield* Effect.scoped((yield* EventQueue).take({ limit: 10_000, ackWaitMillis: 1_000 }))).batches
      })
    )
    assert.isTrue(batches.every((batch) => batch.bytes.length <= 512 * 1024))
    assert.deepStrictEqual(
      batches.flatMap((batch) => batch.events.map((found) => found.event_id)),
      events.map((sent) => sent.event_id)
    )
  })
})
