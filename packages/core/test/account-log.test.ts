import fc from "fast-check"
import { expect, it } from "vitest"
import { LedgerLog } from "../src/kit/account/LedgerLog.ts"
import { LedgerState } from "../src/kit/account/LedgerState.ts"
import type { RecordLog } from "../src/kit/account/primitives.ts"
import type { LedgerRecord } from "../src/kit/account/record.ts"

/** The least that an engine has to do: entries in order, one counter for records and checkpoints. */
const makeLog = (turn: () => Promise<void> = () => Promise.resolve()) => {
  const entries = new Map<number, { readonly record?: string; readonly checkpoint?: string }>()
  let last = 0
  const add = (entry: { readonly record?: string; readonly checkpoint?: string }) => entries.set(++last, entry)
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
  const newest = () => [...entries].findLast(([, { checkpoint }]) => checkpoint !== undefined)
  const log: RecordLog = {
    append: async (record) => {
      await turn()
      add({ record: text(record) })
      return last
    },
    end: async () => {
      await turn()
      return { last, made: "once" }
    },
    read: async (sequence) => {
      await turn()
      const entry = entries.get(sequence)
      return entry && { record: entry.record, writtenAt: String(sequence) }
    },
    checkpoint: async () => {
      await turn()
      const found = newest()
      return found && { sequence: found[0], text: found[1].checkpoint! }
    },
    writeCheckpoint: async (checkpoint, before) => {
      await turn()
      if ((newest()?.[0] ?? 0) !== before) return false
      add({ checkpoint: text(checkpoint) })
      return true
    },
    cut: async (upTo) => {
      await turn()
      const kept = newest()?.[0]
      for (const [sequence, { record }] of entries)
        if (record === undefined ? sequence !== kept : sequence <= upTo) entries.delete(sequence)
    }
  }
  /** As an operator may do. */
  const erase = () => {
    entries.clear()
    last = 0
  }
  return { entries, erase, log }
}

const PROCESSES = 3
const process = fc.nat(PROCESSES - 1)
const step = fc.oneof(
  fc.tuple(fc.constant("settle" as const), process, fc.integer({ min: 1, max: 30 })),
  fc.tuple(fc.constant("refresh" as const), process, fc.constant(0)),
  fc.tuple(fc.constant("checkpoint" as const), process, fc.constant(0))
)

const settled = (position: number): LedgerRecord => ({
  _tag: "Settled",
  messages: [{ position, project_id: position % 3 === 0 ? "other" : "default", count: position, replay: false }]
})

const foldOf = (state: LedgerState) => ({ ...state.toCheckpoint(), upTo: 0 })

const whole = (positions: ReadonlyArray<number>) => {
  const state = new LedgerState()
  for (const position of positions) state.apply(state.upTo + 1, settled(position))
  return foldOf(state)
}

it("LedgerLog: whoever appends, reads and cuts at once, all come to the fold of every record", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 20 }), fc.scheduler(), async (steps, scheduler) => {
      let isDone = false
      const { log } = makeLog(() => (isDone ? Promise.resolve() : scheduler.schedule(Promise.resolve())))
      const ledgers = Array.from({ length: PROCESSES }, () => new LedgerLog(log))
      const all = Promise.all(
        steps.map(([what, by, position]) => {
          if (what === "settle") return ledgers[by]!.append(settled(position))
          return what === "refresh" ? ledgers[by]!.refresh() : ledgers[by]!.checkpoint()
        })
      )
      await scheduler.waitFor(all)
      isDone = true
      const expected = whole(steps.flatMap(([what, , position]) => (what === "settle" ? [position] : [])))
      const late = new LedgerLog(log)
      for (const ledger of [...ledgers, late]) {
        await ledger.refresh()
        expect(foldOf(ledger.state).settled).toEqual(expected.settled)
        expect(ledger.state.accepted).toEqual(expected.accepted)
      }
    })
  )
})

it("LedgerLog: a log that is gone is written anew by whoever still knows the fold; the others take that over", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(fc.integer({ min: 1, max: 50 }), { minLength: 1 }), async (positions) => {
      const { erase, log } = makeLog()
      const [known, other] = [new LedgerLog(log), new LedgerLog(log)]
      for (const position of positions) await known.append(settled(position))
      await known.refresh()
      erase()
      await known.refresh()
      await known.append(settled(51))
      for (const ledger of [known, other]) {
        await ledger.refresh()
        expect(ledger.state.accepted).toEqual(whole([...positions, 51]).accepted)
      }
    })
  )
})
