import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import { EventBatch, EventStore, type EventStoreError, StoreLedger, type InFlight } from "@millrace/core"
import { eventsOf } from "./events.ts"

export interface DeliveryContractOptions<E> {
  /** A layer that is built anew, and empty, for every test. */
  readonly layer: () => Layer.Layer<EventStore | StoreLedger, E>
}

const messageOf = (position: number, from: number, count: number, project_id = "default", log = "log") =>
  EventBatch.fromEvents(eventsOf(from, count, { project_id }), { log, position, offset: 0 })

/** Positions from `first` on, as those that nobody has acknowledged. */
const inFlightFrom = (first: number): InFlight => ({ log: "log", positions: [[first, Number.MAX_SAFE_INTEGER]] })

/**
 * The further laws of an event store whose queue is another system: between its commit and the acknowledgement lies a
 * gap.
 */
export const deliveryContract = <E>(name: string, options: DeliveryContractOptions<E>) => {
  const law = (title: string, body: Effect.Effect<void, EventStoreError, EventStore | StoreLedger>) =>
    it.live(title, () => Effect.provide(body, options.layer()))
  describe(`delivery contract: ${name}`, () => {
    law(
      "append: a message that comes again, whole or in part, is counted once",
      Effect.gen(function* () {
        const store = yield* EventStore
        const ledger = yield* StoreLedger
        yield* store.append([messageOf(1, 1, 5).slice(1, 3)])
        yield* store.append([messageOf(1, 1, 5), messageOf(2, 4, 5)])
        yield* store.append([messageOf(1, 1, 5), messageOf(2, 4, 5)])
        assert.deepStrictEqual(yield* ledger.backlog(""), { default: 10 })
      })
    )
    law(
      "unstored: of a batch, the parts that no append has taken over",
      Effect.gen(function* () {
        const store = yield* EventStore
        const ledger = yield* StoreLedger
        const message = messageOf(1, 1, 6)
        const left = Effect.map(ledger.unstored(message), (parts) => parts.flatMap((part) => part.events))
        assert.deepStrictEqual(yield* left, message.events)
        yield* store.append([message.slice(1, 3), messageOf(2, 1, 6)])
        assert.deepStrictEqual(
          yield* left,
          [0, 3, 4, 5].map((index) => message.events[index])
        )
        const tail = yield* ledger.unstored(message.slice(2, 5))
        assert.deepStrictEqual(
          tail.map(({ count, origin }) => [origin!.offset, count]).reduce((sum, [, count]) => sum + count!, 0),
          2
        )
        yield* store.append([message])
        assert.deepStrictEqual(yield* left, [])
      })
    )
    law(
      "backlog: what was stored of messages in flight is left out, by project and by log",
      Effect.gen(function* () {
        const store = yield* EventStore
        const ledger = yield* StoreLedger
        yield* store.append([messageOf(1, 1, 3), messageOf(2, 4, 4).slice(0, 2), messageOf(3, 8, 5, "other")])
        yield* store.append([messageOf(2, 20, 7, "default", "another log")])
        const nonzero = (counts: Readonly<Record<string, number>>) =>
          Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0))
        assert.deepStrictEqual(nonzero(yield* ledger.backlog("", inFlightFrom(1))), { default: 7 })
        assert.deepStrictEqual(nonzero(yield* ledger.backlog("", inFlightFrom(3))), { default: 12 })
        assert.deepStrictEqual(nonzero(yield* ledger.backlog("", inFlightFrom(4))), { default: 12, other: 5 })
        const second: InFlight = { log: "log", positions: [[2, 3]] }
        assert.deepStrictEqual(nonzero(yield* ledger.backlog("", second)), { default: 10, other: 5 })
      })
    )
    law(
      "backlog: what was stored of messages in flight is left out also once the cursor has passed it",
      Effect.gen(function* () {
        const store = yield* EventStore
        const ledger = yield* StoreLedger
        yield* store.append([messageOf(1, 1, 3)])
        const { cursor } = yield* store.replay({ after: "", limit: 100 })
        assert.deepStrictEqual(yield* ledger.backlog(cursor, inFlightFrom(1)), { default: -3 })
      })
    )
  })
}
