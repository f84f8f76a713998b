import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { IdSet } from "../src/state/IdSet.ts"

/** Numbers in any of the four words, so that no word alone tells ids apart; 0 is all zeros. */
const idOf = (number: number): Uint8Array => {
  const id = new Uint8Array(16)
  new DataView(id.buffer).setUint32((number % 4) * 4, number)
  return id
}

describe("IdSet", () => {
  it("is a set: after any adds and deletes it holds what a plain set holds, all-zero id included", () => {
    const step = fc.record({ add: fc.boolean(), project: fc.integer({ min: 1, max: 3 }), number: fc.nat(4_000) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 3_000, size: "max" }), (steps) => {
        const ids = new IdSet()
        const model = new Set<string>()
        for (const { add, number, project } of steps) {
          const key = `${project}/${number}`
          if (add) assert.strictEqual(ids.add(project, idOf(number), 0), !model.has(key))
          else ids.delete(project, idOf(number), 0)
          if (add) model.add(key)
          else model.delete(key)
        }
        assert.strictEqual(ids.size, model.size)
        for (let number = 0; number <= 4_000; number++) {
          for (const project of [1, 2, 3]) {
            assert.strictEqual(ids.has(project, idOf(number), 0), model.has(`${project}/${number}`))
          }
        }
      }),
      { numRuns: 40 }
    )
  })
})
