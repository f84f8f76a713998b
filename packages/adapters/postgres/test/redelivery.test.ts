import { StoreLedger, type EventBatch, EventStore } from "@millrace/core"
import { batchOf, idOf } from "@millrace/testing"
import { postgres } from "@millrace/test-services"
import { describeWithService } from "@millrace/test-services/vitest"
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import fc from "fast-check"
import { PostgresStatus } from "../src/index.ts"
import { lawOn, messageOf, replayAll } from "./support.ts"

const counts = Effect.gen(function* () {
  const { duplicates, ids } = yield* replayAll()
  return { stored: ids.length, duplicates, backlog: (yield* (yield* StoreLedger).backlog(""))["default"] ?? 0 }
})

/** One append of slices of messages; each message's events and their ids are fixed by its position. */
interface Slice {
  readonly position: number
  readonly start: number
  readonly end: number
}

const POSITIONS = 5
const EVENTS_PER_MESSAGE = 8

/** Messages overlap in their ids, so that some of their events are duplicates. */
const sliceOf = (project_id: string, { end, position, start }: Slice): EventBatch =>
  messageOf(position, position * 5, EVENTS_PER_MESSAGE, { project_id }, project_id).slice(start, end)

const slices = fc
  .tuple(
    fc.integer({ min: 0, max: POSITIONS - 1 }),
    fc.integer({ min: 0, max: EVENTS_PER_MESSAGE - 1 }),
    fc.integer({ min: 1, max: EVENTS_PER_MESSAGE })
  )
  .map(([position, start, length]): Slice => ({
    position,
    start,
    end: Math.min(start + length, EVENTS_PER_MESSAGE)
  }))

const appends = fc.array(fc.array(slices, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 8 })

/** The oracle: which places of which messages were ever handed over, and which ids they hold. */
const expectedOf = (given: ReadonlyArray<Slice>) => {
  const places = new Set<string>()
  const ids = new Set<string>()
  for (const { end, position, start } of given) {
    for (let offset = start; offset < end; offset++) {
      places.add(`${position}/${offset}`)
      ids.add(idOf(position * 5 + offset))
    }
  }
  return { accepted: places.size, stored: ids.size, duplicates: places.size - ids.size }
}

await describeWithService("redelivery", postgres(), (server) => {
  const law = lawOn(server)

  law("append: a message that comes again is counted once", () =>
    Effect.gen(function* () {
      const store = yield* EventStore
      const message = messageOf(7, 1, 5)
      assert.deepStrictEqual(yield* store.append([message]), { stored: 5, duplicates: 0 })
      assert.deepStrictEqual(yield* store.append([message, messageOf(8, 4, 5)]), { stored: 3, duplicates: 2 })
      assert.deepStrictEqual(yield* store.append([message, messageOf(8, 4, 5)]), { stored: 0, duplicates: 0 })
      assert.deepStrictEqual(yield* counts, { stored: 8, duplicates: 2, backlog: 10 })
    })
  )

  law("append: the same events in another message are duplicates, also at the same position of another log", () =>
    Effect.gen(function* () {
      const store = yield* EventStore
      yield* store.append([messageOf(7, 1, 5)])
      yield* store.append([messageOf(7, 1, 5, {}, "other")])
      yield* store.append([batchOf(1, 5)])
      assert.deepStrictEqual(yield* counts, { stored: 5, duplicates: 10, backlog: 15 })
    })
  )

  law("append: of many workers that hold one message, one consumes it", () =>
    Effect.gen(function* () {
      const store = yield* EventStore
      yield* Effect.all(
        Array.from({ length: 16 }, (_, own) => store.append([messageOf(own % 2, 1 + (own % 2) * 3, 6)])),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(yield* counts, { stored: 9, duplicates: 3, backlog: 12 })
    })
  )

  law("append: whatever slices come, in whatever order and how often, each place of each message is counted once", () =>
    Effect.gen(function* () {
      const context = yield* Effect.context<EventStore | PostgresStatus>()
      let run = 0
      const check = Effect.fnUntraced(function* (rounds: ReadonlyArray<ReadonlyArray<Slice>>) {
        const project_id = `run-${++run}`
        const store = yield* EventStore
        yield* Effect.forEach(rounds, (round) => store.append(round.map((slice) => sliceOf(project_id, slice))), {
          concurrency: 3,
          discard: true
        })
        const { accepted, duplicates, stored } = yield* (yield* PostgresStatus).totals
        const found = { accepted: accepted[project_id], stored: stored[project_id], duplicates: duplicates[project_id] }
        assert.deepStrictEqual(found, expectedOf(rounds.flat()))
      })
      const property = fc.asyncProperty(appends, (rounds) => Effect.runPromiseWith(context)(check(rounds)))
      yield* Effect.promise(() => fc.assert(property, { numRuns: 60 }))
    })
  )
})
