import { assert } from "@effect/vitest"
import { Effect } from "effect"
import {
  type DeadLetterReason,
  DeadLetters,
  type Event,
  EventBatch,
  EventQueue,
  EventStore,
  IDENTIFY,
  isRedacted,
  query,
  QueueErasure,
  QueueLedger,
  type QueueServices,
  StoreErasure,
  StoreLedger,
  type StoreServices,
  Warehouse,
  WarehouseErasure,
  WarehouseLedger
} from "@millrace/core"
import type { QueueLaw } from "./eventQueueContract.ts"
import type { StoreLaw } from "./eventStoreContract.ts"
import { batchOf, erasureOf, eventOf, eventsOf, idOf } from "./events.ts"
import type { WarehouseLaw } from "./largeHistoryLaws.ts"

const erasure = erasureOf("gone", "device")
const UNTIL = erasure.until
const lease = { limit: 1_000, ackWaitMillis: 10_000 }
const reason: DeadLetterReason = { stage: "store", code: "Refused", message: "of gone", attempts: 1 }

/** Events of which 1, 2, 5 and 7 are erased; 8 is another project's; 9 comes later than the erasure. */
const mixed = () => [
  EventBatch.fromEvents([
    ...eventsOf(1, 2, { user_id: "gone" }),
    ...eventsOf(3, 2, { user_id: "stays" }),
    eventOf(5, { user_id: "device", properties: '{"deep":{"name":"gone"}}' }),
    eventOf(6, { user_id: "gone too" }),
    eventOf(7, { user_id: "stays", event_type: IDENTIFY, properties: '{"anonymous_id":"device"}' })
  ]),
  batchOf(8, 1, { user_id: "gone", project_id: "other" }),
  batchOf(9, 1, { user_id: "gone", occurred_at: UNTIL + 1, received_at: UNTIL + 1 })
]
const ERASED = [1, 2, 5, 7].map(idOf)

/** Redacted events show all that may be shown of an erased event. */
const checkRedacted = (found: ReadonlyArray<Event>) => {
  const expected = mixed().flatMap(({ events }) => events)
  assert.deepStrictEqual(
    found.map(({ event_id }) => event_id),
    expected.map(({ event_id }) => event_id)
  )
  const redacted = found.filter(isRedacted)
  assert.deepStrictEqual(
    redacted.map(({ event_id }) => event_id),
    ERASED
  )
  for (const { occurred_at, properties, user_id } of redacted) {
    assert.deepStrictEqual([occurred_at, properties.trim(), user_id], [0, "{}", ""])
  }
  assert.deepStrictEqual(
    found.filter((event) => !isRedacted(event)),
    expected.filter(({ event_id }) => !ERASED.includes(event_id))
  )
}

export const queueErasureLaws = (law: QueueLaw<QueueServices>): void => {
  law(
    "erase: what waits is delivered with nothing left of the user; counts and neighbours are as before",
    Effect.gen(function* () {
      const queue = yield* EventQueue
      const ledger = yield* QueueLedger
      const { erase } = yield* QueueErasure
      for (const batch of mixed()) yield* queue.publish(batch)
      const before = yield* ledger.counts
      const erased = yield* erase(erasure)
      assert.strictEqual(erased.find(({ place }) => place === "queue")?.events, 4)
      const { accepted, waiting } = yield* ledger.counts
      assert.deepStrictEqual([accepted, waiting], [before.accepted, before.waiting])
      const taken: Array<Event> = []
      while (taken.length < 9) {
        const { batches } = yield* Effect.scoped(queue.take(lease))
        taken.push(...batches.flatMap(({ events }) => events))
      }
      checkRedacted(taken.toSorted((left, right) => (left.event_id < right.event_id ? -1 : 1)))
    })
  )
  law(
    "erase: takes the user's dead letters off the list, for good; counts are as before",
    Effect.gen(function* () {
      const queue = yield* EventQueue
      const letters = yield* DeadLetters
      const ledger = yield* QueueLedger
      const { erase } = yield* QueueErasure
      yield* queue.publish(mixed()[0]!)
      yield* queue.take(lease).pipe(
        Effect.flatMap(({ batches }) => letters.put(batches[0]!, reason)),
        Effect.scoped
      )
      const before = yield* ledger.counts
      const erased = yield* erase(erasure)
      assert.strictEqual(erased.find(({ place }) => place === "dead_letters")?.events, 4)
      const left = [3, 4, 6].map(idOf)
      const listed = yield* letters.list({ limit: 10 })
      assert.deepStrictEqual(
        listed.map(({ event }) => event.event_id),
        left
      )
      const { accepted, deadLettered } = yield* ledger.counts
      assert.deepStrictEqual([accepted, deadLettered], [before.accepted, before.deadLettered])
      assert.strictEqual(yield* letters.replay("all"), 3)
    })
  )
  law(
    "erase: repeated, it finds nothing more",
    Effect.gen(function* () {
      const queue = yield* EventQueue
      const { erase } = yield* QueueErasure
      yield* queue.publish(mixed()[0]!)
      yield* erase(erasure)
      const again = yield* erase({ ...erasure, until: UNTIL + 1 })
      assert.strictEqual(
        again.reduce((sum, { events }) => sum + events, 0),
        0
      )
    })
  )
}

const replayed = Effect.gen(function* () {
  const page = yield* (yield* EventStore).replay({ after: "", limit: 1_000 })
  return page.batches.flatMap(({ events }) => events)
})

const byId = (left: Event, right: Event) => (left.event_id < right.event_id ? -1 : 1)

export const storeErasureLaws = (law: StoreLaw<StoreServices>): void => {
  law(
    "erase: replay shows nothing of the user; counts, cursors and neighbours are as before",
    Effect.gen(function* () {
      const store = yield* EventStore
      yield* store.append(mixed())
      const before = yield* store.replay({ after: "", limit: 1_000 })
      const backlog = yield* (yield* StoreLedger).backlog("")
      const erased = yield* (yield* StoreErasure).erase(erasure)
      assert.strictEqual(erased.find(({ place }) => place === "store")?.events, 4)
      checkRedacted((yield* replayed).toSorted(byId))
      assert.strictEqual((yield* store.replay({ after: "", limit: 1_000 })).cursor, before.cursor)
      assert.deepStrictEqual(yield* (yield* StoreLedger).backlog(""), backlog)
    })
  )
  law(
    "erase: what is appended again stays erased, by another id as well; later events are stored",
    Effect.gen(function* () {
      const store = yield* EventStore
      yield* store.append(mixed())
      yield* (yield* StoreErasure).erase(erasure)
      // As a client's retry or a repeated import bring them: accepted later than the erasure.
      const again = [...eventsOf(1, 2), ...eventsOf(21, 2)].map((event) => ({
        ...event,
        user_id: "gone",
        received_at: UNTIL + 5
      }))
      yield* store.append([EventBatch.fromEvents(again), batchOf(31, 1, { user_id: "gone", occurred_at: UNTIL + 2 })])
      yield* store.append([batchOf(32, 1, { user_id: "gone", occurred_at: UNTIL + 2, received_at: UNTIL + 9 })])
      const shown = (yield* replayed).filter((event) => event.project_id === "default" && event.user_id === "gone")
      assert.deepStrictEqual(
        shown.map(({ event_id }) => event_id),
        [9, 32].map(idOf)
      )
      assert.deepStrictEqual(yield* (yield* StoreLedger).backlog(""), { default: 14, other: 1 })
    })
  )
}

const DAY = { from: "2026-01-01", to: "2026-01-01" }
const usersOf = (project_id: string) =>
  Effect.map(query({ metric: "dau", project_id, params: DAY }), ({ rows }) => rows[0]?.users)

export const warehouseErasureLaws = (law: WarehouseLaw): void => {
  law(
    "erase: what is loaded again stays erased, and is counted; later events are another user's",
    Effect.gen(function* () {
      const warehouse = yield* Warehouse
      const page = (cursor: string, batches: ReadonlyArray<EventBatch>) => ({ batches, cursor, duplicates: {} })
      yield* warehouse.load(page("1", mixed()))
      assert.strictEqual(yield* (yield* WarehouseErasure).erase(erasure), 4)
      assert.deepStrictEqual([yield* usersOf("default"), yield* usersOf("other")], [3, 1])
      yield* warehouse.load(page("2", [mixed()[0]!, batchOf(21, 2, { user_id: "gone", received_at: UNTIL + 5 })]))
      assert.deepStrictEqual(yield* usersOf("default"), 3)
      const { duplicates, stored } = yield* (yield* WarehouseLedger).counts
      assert.strictEqual((stored["default"] ?? 0) + (duplicates["default"] ?? 0), 8 + 9)
      yield* warehouse.load(
        page("3", [batchOf(41, 1, { user_id: "device", occurred_at: UNTIL + 1, received_at: UNTIL + 1 })])
      )
      assert.deepStrictEqual(yield* usersOf("default"), 4)
    })
  )
  law(
    "load: redacted events are counted and in no answer",
    Effect.gen(function* () {
      const warehouse = yield* Warehouse
      const redacted = { user_id: "", event_type: "", occurred_at: 0, properties: "{}   " }
      yield* warehouse.load({ batches: [batchOf(1, 3, redacted), batchOf(4, 2)], cursor: "1", duplicates: {} })
      assert.strictEqual((yield* (yield* WarehouseLedger).counts).stored["default"], 5)
      assert.strictEqual(yield* usersOf("default"), 2)
      const first = yield* query({
        metric: "dau",
        project_id: "default",
        params: { from: "1970-01-01", to: "1970-01-01" }
      })
      assert.strictEqual(first.rows[0]?.users, 0)
    })
  )
  law(
    "person: an id and all that was merged into it; history: their events, a page at a time",
    Effect.gen(function* () {
      const warehouse = yield* Warehouse
      yield* warehouse.load({ batches: mixed(), cursor: "1", duplicates: {} })
      const stays = yield* warehouse.person({ project_id: "default", user_id: "stays" })
      assert.deepStrictEqual(stays.user_ids.toSorted(), ["device", "stays"])
      assert.strictEqual(stays.latest, eventOf(7).occurred_at)
      const never = yield* warehouse.person({ project_id: "default", user_id: "never" })
      assert.deepStrictEqual([never.user_ids, never.latest], [["never"], 0])
      assert.notStrictEqual(never.hash, stays.hash)
      assert.deepStrictEqual((yield* warehouse.person({ project_id: "other", user_id: "stays" })).user_ids, ["stays"])
      const found: Array<Event> = []
      while (true) {
        const page = yield* warehouse.history({ project_id: "default", ...stays }, { after: found.at(-1), limit: 2 })
        if (page.length === 0) break
        found.push(...page)
      }
      assert.deepStrictEqual(
        found,
        mixed()[0]!.events.filter(({ user_id }) => stays.user_ids.includes(user_id))
      )
    })
  )
}
