import { assert, describe, it } from "@effect/vitest"
import { accept, acceptPlain, type Event, EventQueue, parseJson, printJson, readBody } from "@millrace/core"
import { arbitraries, layerMemoryQueue } from "../../testing/src/index.ts"
import { Effect, Result } from "effect"
import fc from "fast-check"

const utf8 = new TextEncoder()
const PROJECT = 'sh"op'

const queued = Effect.gen(function* () {
  const queue = yield* EventQueue
  if ((yield* queue.depth).events === 0) return []
  const { batches } = yield* Effect.scoped(queue.take({ limit: 10_000, ackWaitMillis: 1_000 }))
  return batches.flatMap((batch) => batch.events)
})

const run = <A>(effect: Effect.Effect<A, unknown, EventQueue>) =>
  Effect.runPromise(Effect.provide(effect, layerMemoryQueue()))

const viaPlain = (text: string) =>
  run(
    Effect.flatMap(acceptPlain(utf8.encode(text), PROJECT), (verdict) =>
      Effect.map(queued, (events) => ({ verdict, events }))
    )
  )

const viaJudge = (text: string) =>
  run(
    Effect.gen(function* () {
      const body = parseJson(text)
      const batch = Result.getOrThrow(readBody(body))
      const verdict = yield* accept(batch, PROJECT)
      return { verdict, events: yield* queued }
    })
  )

/** Texts of properties may differ in spaces and in how a number is written; their values may not. */
const comparable = (events: ReadonlyArray<Event>) =>
  events.map(({ properties, received_at: _received, ...event }) => ({
    ...event,
    properties: printJson(parseJson(properties))
  }))

/** The law: what the plain path accepts, the judging path accepts with the same events; otherwise it says nothing. */
const agree = async (text: string): Promise<boolean> => {
  const plain = await viaPlain(text)
  if (plain.verdict === undefined) {
    assert.deepStrictEqual(plain.events, [])
    return false
  }
  const judged = await viaJudge(text)
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

describe("acceptPlain", () => {
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
  it("leaves everything else to the judge", async () => {
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
      assert.isUndefined((await viaPlain(text)).verdict, text.slice(0, 300))
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
  it("splits what is over 512 KiB, every event once and in order", async () => {
    const events = Array.from({ length: 4_000 }, (_, index) =>
      event({
        event_id: `00000000-0000-4000-8000-${index.toString(16).padStart(12, "0")}`,
        properties: { pad: "x".repeat(300) }
      })
    )
    const batches = await run(
      Effect.gen(function* () {
        yield* acceptPlain(utf8.encode(JSON.stringify(events)), PROJECT)
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
