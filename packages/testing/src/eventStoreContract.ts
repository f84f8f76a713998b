import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import {
  type Event,
  type EventBatch,
  EventStore,
  type EventStoreError,
  StoreLedger,
  type StoreServices
} from "@millrace/core"
import { storeErasureLaws } from "./erasureLaws.ts"
import { batchOf } from "./events.ts"

export interface EventStoreContractOptions<E> {
  /** A layer that is built anew, and empty, for every test. */
  readonly layer: () => Layer.Layer<EventStore, E>
}

export type StoreLaw<Services> = (title: string, body: Effect.Effect<void, EventStoreError, Services>) => void

interface Replayed {
  readonly events: ReadonlyArray<Event>
  readonly duplicates: number
  readonly cursors: ReadonlyArray<string>
}

const total = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((sum, count) => sum + count, 0)

/** Replays from `after` to the end in pages. */
const replayAll = Effect.fnUntraced(function* (limit: number, after = "") {
  const store = yield* EventStore
  const events: Array<Event> = []
  const cursors: Array<string> = [after]
  let duplicates = 0
  while (true) {
    const page = yield* store.replay({ after: cursors.at(-1)!, limit })
    events.push(...page.batches.flatMap((batch: EventBatch) => batch.events))
    duplicates += total(page.duplicates)
    if (page.cursor !== cursors.at(-1)) cursors.push(page.cursor)
    if (page.caughtUp) break
  }
  const replayed: Replayed = { events, duplicates, cursors }
  return replayed
})

const idsOf = (events: ReadonlyArray<Event>) => events.map((event) => event.event_id)

/** The laws of every {@link EventStore}; phrased by what `replay` shows, not by what `append` claims. */
export const eventStoreContract = <E>(name: string, options: EventStoreContractOptions<E>) => {
  const law: StoreLaw<EventStore> = (title, body) => it.live(title, () => Effect.provide(body, options.layer()))
  describe(`EventStore contract: ${name}`, () => {
    identityLaws(law)
    replayLaws(law)
  })
}

export interface StoreServicesContractOptions<E> extends EventStoreContractOptions<E> {
  readonly layer: () => Layer.Layer<StoreServices, E>
}

/** The laws of a store that accounts for what it took and can erase: those of every store, and the others'. */
export const storeServicesContract = <E>(name: string, options: StoreServicesContractOptions<E>) => {
  const law: StoreLaw<StoreServices> = (title, body) => it.live(title, () => Effect.provide(body, options.layer()))
  eventStoreContract(name, options)
  describe(`store services contract: ${name}`, () => {
    backlogLaws(law)
    storeErasureLaws(law)
  })
}

const identityLaws = (law: StoreLaw<EventStore>) => {
  law(
    "append: replay shows every event unchanged",
    Effect.gen(function* () {
      yield* (yield* EventStore).append([batchOf(1, 5)])
      const { events } = yield* replayAll(100)
      assert.deepStrictEqual(events, batchOf(1, 5).events)
    })
  )
  law(
    "append: nothing at all is stored, and changes nothing",
    Effect.gen(function* () {
      const store = yield* EventStore
      assert.deepStrictEqual(yield* store.append([]), { stored: 0, duplicates: 0 })
      assert.deepStrictEqual((yield* replayAll(100)).cursors, [""])
    })
  )
  law(
    "append: replay shows a repeated id once, with the first payload",
    Effect.gen(function* () {
      const store = yield* EventStore
      yield* store.append([batchOf(1, 3)])
      yield* store.append([batchOf(2, 3, { user_id: "late", occurred_at: 7 })])
      const { duplicates, events } = yield* replayAll(100)
      assert.deepStrictEqual(events.slice(0, 3), batchOf(1, 3).events)
      assert.deepStrictEqual(idsOf(events), idsOf(batchOf(1, 4).events))
      assert.strictEqual(duplicates, 2)
    })
  )
  law(
    "append: an id repeated within one call counts once",
    Effect.gen(function* () {
      const store = yield* EventStore
      const report = yield* store.append([batchOf(1, 2), batchOf(1, 2), batchOf(2, 1)])
      assert.deepStrictEqual(report, { stored: 2, duplicates: 3 })
      assert.deepStrictEqual(idsOf((yield* replayAll(100)).events), idsOf(batchOf(1, 2).events))
    })
  )
  law(
    "append: two projects may hold the same id",
    Effect.gen(function* () {
      const store = yield* EventStore
      yield* store.append([batchOf(1, 2), batchOf(1, 2, { project_id: "other" })])
      const { events } = yield* replayAll(100)
      assert.deepStrictEqual(
        events.map((event) => `${event.project_id}/${event.event_id}`).toSorted(),
        ["default", "other"].flatMap((project) => batchOf(1, 2).events.map((event) => `${project}/${event.event_id}`))
      )
    })
  )
  law(
    "append: of many concurrent appends of one batch, replay shows one",
    Effect.gen(function* () {
      const store = yield* EventStore
      const reports = yield* Effect.all(
        Array.from({ length: 50 }, () => store.append([batchOf(1, 4)])),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(
        reports.reduce((sum, report) => sum + report.stored, 0),
        4
      )
      const { duplicates, events } = yield* replayAll(7)
      assert.deepStrictEqual([events.length, duplicates], [4, 49 * 4])
    })
  )
}

const replayLaws = (law: StoreLaw<EventStore>) => {
  law(
    "replay: pages cover everything once and end caught up, whatever their size",
    Effect.gen(function* () {
      const store = yield* EventStore
      for (let from = 1; from <= 40; from += 4) yield* store.append([batchOf(from, 4)])
      for (const limit of [1, 3, 4, 17, 1_000]) {
        const { events } = yield* replayAll(limit)
        assert.deepStrictEqual(idsOf(events), idsOf(batchOf(1, 40).events))
      }
    })
  )
  law(
    "replay: an empty page keeps the cursor it was asked with",
    Effect.gen(function* () {
      const store = yield* EventStore
      yield* store.append([batchOf(1, 2)])
      const { cursors } = yield* replayAll(10)
      const page = yield* store.replay({ after: cursors.at(-1)!, limit: 10 })
      assert.deepStrictEqual([page.batches.length, page.cursor, page.caughtUp], [0, cursors.at(-1)!, true])
    })
  )
  law(
    "replay: a reader that follows concurrent writers misses nothing and sees nothing twice",
    Effect.gen(function* () {
      const store = yield* EventStore
      const seen: Array<string> = []
      let cursor = ""
      const follow = Effect.gen(function* () {
        const page = yield* store.replay({ after: cursor, limit: 10 })
        cursor = page.cursor
        seen.push(...page.batches.flatMap((batch) => idsOf(batch.events)))
        return page.caughtUp
      })
      const writers = Effect.forEach(
        Array.from({ length: 60 }, (_, index) => index * 5 + 1),
        (from) => store.append([batchOf(from, 5)]),
        { concurrency: 8, discard: true }
      )
      yield* Effect.all([writers, Effect.repeat(follow, { times: 20 })], { concurrency: 2 })
      while (!(yield* follow));
      assert.deepStrictEqual(seen.toSorted(), idsOf(batchOf(1, 300).events))
    })
  )
  law(
    "prune: what lies after the cursor stays",
    Effect.gen(function* () {
      const store = yield* EventStore
      yield* store.append([batchOf(1, 3)])
      const { cursors } = yield* replayAll(10)
      yield* store.append([batchOf(4, 3)])
      yield* store.prune({ upTo: cursors.at(-1)! })
      const { events } = yield* replayAll(10, cursors.at(-1)!)
      assert.deepStrictEqual(idsOf(events), idsOf(batchOf(4, 3).events))
    })
  )
}

const backlogLaws = (law: StoreLaw<StoreServices>) => {
  law(
    "backlog: counts what a cursor has not passed, duplicates included, by project",
    Effect.gen(function* () {
      const store = yield* EventStore
      const { backlog } = yield* StoreLedger
      yield* store.append([])
      assert.deepStrictEqual(yield* backlog(""), {})
      yield* store.append([batchOf(1, 3)])
      const { cursors } = yield* replayAll(10)
      yield* store.append([batchOf(2, 4), batchOf(1, 2, { project_id: "other" })])
      assert.deepStrictEqual(yield* backlog(""), { default: 7, other: 2 })
      assert.deepStrictEqual(yield* backlog(cursors.at(-1)!), { default: 4, other: 2 })
    })
  )
}
