import { assert, it } from "@effect/vitest"
import { accept, EventQueue, isPlaceholder, readBatch, readPlain } from "@millrace/core"
import { layerMemoryQueue } from "../../testing/src/index.ts"
import { Effect, Result } from "effect"
import fc from "fast-check"

const NOBODY = [
  "undefined",
  "null",
  "none",
  "nan",
  "[object object]",
  "[object promise]",
  "[object htmlinputelement]",
  "00000000-0000-0000-0000-000000000000",
  "00000000000000000000000000000000",
  "{00000000-0000-0000-0000-000000000000}",
  "(null)",
  "<null>",
  "(none)",
  "{}",
  "[]",
  "\u200b",
  "undefined\u200b",
  ""
]
const MANY = [
  "guest",
  "anonymous",
  "id",
  "email",
  "0",
  "true",
  "false",
  "distinct_id",
  "nil",
  "<nil>",
  "n/a",
  "{{user_id}}"
]
const SOMEBODY = [
  "u1",
  "nancy",
  "nulla",
  "undefinedx",
  "00",
  "000",
  "ann",
  "noone",
  "nan1",
  "guests",
  "üser",
  "🙂",
  "1",
  "(ann)",
  "<ann@example.com>",
  "[7]",
  "objects",
  "0".repeat(31)
]

const blanks = fc.stringMatching(/^[ \t\u00A0\u3000\uFEFF'"]{0,2}$/u)
const letters = (word: string) =>
  fc
    .array(fc.boolean(), { minLength: word.length, maxLength: word.length })
    .map((upper) => [...word].map((letter, at) => (upper[at] === true ? letter.toUpperCase() : letter)).join(""))
const spelled = (words: ReadonlyArray<string>) =>
  fc
    .tuple(blanks, fc.constantFrom(...words).chain(letters), blanks)
    .map((parts) => parts.join(""))
    .filter((id) => id !== "")

const event = (user_id: string) => ({
  event_id: crypto.randomUUID(),
  occurred_at: "2026-01-31T12:00:00Z",
  user_id,
  event_type: "visit"
})
const NOW = Date.now() * 1000
const run = <A>(effect: Effect.Effect<A, unknown, EventQueue>) =>
  Effect.runPromise(Effect.provide(effect, layerMemoryQueue()))

/** What becomes of an event of each id: the code that it is refused with, or nothing. */
const codesOf = async (ids: ReadonlyArray<string>) => {
  const events = ids.map(event)
  const judged = await run(accept(Result.getOrThrow(readBatch(events)), "default"))
  return ids.map((_, index) => judged.rejected.find((one) => one.index === index)?.code)
}

it("an event of what programs print for no value is refused by name, however it is spelled", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(spelled(NOBODY), { minLength: 1, maxLength: 5 }), async (ids) => {
      assert.deepStrictEqual(
        await codesOf(ids),
        ids.map(() => "placeholder_id")
      )
      assert.isTrue(ids.every(isPlaceholder))
    }),
    { numRuns: 300, seed: 3 }
  )
})

it("what many share is a user of that name, and no end of a merge", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(spelled(MANY), { minLength: 1, maxLength: 5 }), async (ids) => {
      assert.deepStrictEqual(
        await codesOf(ids),
        ids.map(() => undefined)
      )
      assert.isTrue(ids.every(isPlaceholder))
    }),
    { numRuns: 300, seed: 3 }
  )
})

it("everybody else is somebody", async () => {
  assert.deepStrictEqual(
    await codesOf(SOMEBODY),
    SOMEBODY.map(() => undefined)
  )
  assert.isFalse(SOMEBODY.some(isPlaceholder))
})

it("the plain path takes whom the judge takes", async () => {
  const anybody = fc.oneof(spelled(NOBODY), spelled(MANY), fc.constantFrom(...SOMEBODY), fc.string({ minLength: 1 }))
  await fc.assert(
    fc.asyncProperty(anybody, async (id) => {
      const body = new TextEncoder().encode(JSON.stringify([event(id)]))
      if (readPlain(body, NOW) !== undefined) assert.deepStrictEqual(await codesOf([id]), [undefined])
    }),
    { numRuns: 1_000, seed: 3 }
  )
  for (const id of SOMEBODY) {
    assert.strictEqual(readPlain(new TextEncoder().encode(JSON.stringify([event(id)])), NOW)?.count, 1)
  }
})
