import { Effect } from "effect"
import { type Cursor, EventStore, type EventStoreError, type StoreClaim } from "../port/EventStore.ts"
import { Warehouse, type WarehouseError } from "../port/Warehouse.ts"

/**
 * Claims the store for the warehouse, which notes its name; undefined where one of them knows no such thing. Fails with
 * `StoreMismatch` where what the warehouse has loaded is not, or not any more, what the store has.
 */
export const claimStore = Effect.fn("claimStore")(function* (options: { readonly takeOver: boolean }) {
  const warehouse = yield* Warehouse
  const { claims } = yield* EventStore
  if (claims === undefined || warehouse.origin === undefined) return undefined
  const { cursor } = yield* warehouse.watermark
  const { id, store } = yield* warehouse.origin.read
  const claim = yield* claims.claim({ id, store, cursor }, options)
  if (store !== claim.store) yield* warehouse.origin.bind(claim.store)
  return claim
})

/** What a loader asks before each page. */
interface Belonging {
  /** Before anything behind `cursor` is believed: also that there is nothing. */
  readonly check: (cursor: Cursor) => Effect.Effect<void, EventStoreError | WarehouseError, EventStore | Warehouse>
  readonly advance: (
    cursor: Cursor,
    to: Cursor
  ) => Effect.Effect<void, EventStoreError | WarehouseError, EventStore | Warehouse>
}

const byServices = new WeakMap<EventStore["Service"], WeakMap<Warehouse["Service"], Belonging>>()

/** Of these two services, whoever loads: a second claim would end the first. */
export const belonging = Effect.gen(function* () {
  const store = yield* EventStore
  const warehouse = yield* Warehouse
  const ofStore = byServices.get(store) ?? new WeakMap<Warehouse["Service"], Belonging>()
  const found = ofStore.get(warehouse) ?? makeBelonging()
  byServices.set(store, ofStore.set(warehouse, found))
  return found
})

/** Claims before the first page: the store may be away when the process starts. */
const makeBelonging = (): Belonging => {
  let claimed: { readonly claim: StoreClaim | undefined } | undefined
  const claim = Effect.suspend(() =>
    claimed === undefined
      ? Effect.map(claimStore({ takeOver: false }), (made) => (claimed = { claim: made }).claim)
      : Effect.succeed(claimed.claim)
  )
  return {
    check: (cursor) => Effect.flatMap(claim, (held) => held?.check(cursor) ?? Effect.void),
    advance: (cursor, to) => Effect.flatMap(claim, (held) => held?.advance(cursor, to) ?? Effect.void)
  }
}
