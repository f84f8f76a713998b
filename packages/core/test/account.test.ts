import fc from "fast-check"
import { expect, it } from "vitest"
import { LedgerState } from "../src/kit/account/LedgerState.ts"
import { checkpointCodec, type LedgerRecord, recordCodec } from "../src/kit/account/record.ts"
import { RangeSet } from "../src/kit/account/ranges.ts"

const position = fc.integer({ min: 1, max: 12 })
const range = fc.tuple(fc.nat(8), fc.integer({ min: 1, max: 4 })).map(([start, size]) => [start, start + size] as const)

/** What a position holds is decided by the position: a message does not change. */
const projectAt = (at: number) => (at % 3 === 0 ? "__proto__" : at % 2 === 0 ? "other" : "default")
const record: fc.Arbitrary<LedgerRecord> = fc.oneof(
  fc.array(position, { minLength: 1, maxLength: 3 }).map((positions) => ({
    _tag: "Settled" as const,
    messages: positions.map((at) => ({ position: at, project_id: projectAt(at), count: 12, replay: at % 5 === 0 }))
  })),
  fc.tuple(position, fc.array(range, { minLength: 1, maxLength: 2 })).map(([at, ranges]) => ({
    _tag: "Dead" as const,
    position: at,
    project_id: projectAt(at),
    ranges
  })),
  fc.array(position, { maxLength: 3 }).map((positions) => ({ _tag: "Released" as const, positions }))
)

const fold = (records: ReadonlyArray<LedgerRecord>, state = new LedgerState()) => {
  for (const one of records) state.apply(state.upTo + 1, one)
  return state
}

it("RangeSet: is a set of numbers", () => {
  fc.assert(
    fc.property(fc.array(range, { maxLength: 12 }), range, (ranges, [from, until]) => {
      const set = new RangeSet()
      const model = new Set<number>()
      for (const [start, end] of ranges) {
        const before = model.size
        for (let value = start; value < end; value++) model.add(value)
        expect(set.add(start, end)).toBe(model.size - before)
      }
      const all = Array.from({ length: 16 }, (_, value) => value)
      expect(all.filter((value) => set.has(value))).toEqual(all.filter((value) => model.has(value)))
      expect(set.size).toBe(model.size)
      const missing = set.missing(from, until).flatMap(([start, end]) => all.slice(start, end))
      expect(missing).toEqual(all.slice(from, until).filter((value) => !model.has(value)))
    })
  )
})

it("LedgerState: a record that comes twice changes nothing but releases", () => {
  fc.assert(
    fc.property(fc.array(record, { maxLength: 20 }), (records) => {
      const kept = records.filter(({ _tag }) => _tag !== "Released")
      const once = fold(kept)
      const twice = fold(kept.flatMap((one) => [one, one]))
      expect({ ...twice.toCheckpoint(), upTo: 0 }).toEqual({ ...once.toCheckpoint(), upTo: 0 })
    })
  )
})

it("LedgerState: nothing that comes after a message is settled changes its account", () => {
  fc.assert(
    fc.property(fc.array(record, { maxLength: 20 }), position, range, (records, at, dead) => {
      const settled: LedgerRecord = {
        _tag: "Settled",
        messages: [{ position: at, project_id: projectAt(at), count: 12, replay: at % 5 === 0 }]
      }
      const before = fold([...records, settled])
      const after = fold([
        ...records,
        settled,
        { _tag: "Dead", position: at, project_id: projectAt(at), ranges: [dead] },
        { _tag: "Released", positions: [at] },
        settled
      ])
      expect({ ...after.toCheckpoint(), upTo: 0 }).toEqual({ ...before.toCheckpoint(), upTo: 0 })
    })
  )
})

it("LedgerState: goes on from a checkpoint as if it had read everything", () => {
  fc.assert(
    fc.property(fc.array(record, { maxLength: 20 }), fc.nat(20), (records, cut) => {
      const encoded = records.map((one) => recordCodec.decode(new TextDecoder().decode(recordCodec.encode(one))))
      const whole = fold(encoded).toCheckpoint()
      const text = new TextDecoder().decode(checkpointCodec.encode(fold(encoded.slice(0, cut)).toCheckpoint()))
      expect(fold(encoded.slice(cut), new LedgerState(checkpointCodec.decode(text))).toCheckpoint()).toEqual(whole)
    })
  )
})
