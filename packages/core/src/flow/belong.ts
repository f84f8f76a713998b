import { Effect, Option } from "effect"
import { type StoreClaim, StoreClaims, WarehouseOrigin } from "../port/Claims.ts"
import type { Cursor, EventStoreError } from "../port/EventStore.ts"
import { Warehouse, type WarehouseError } from "../port/Warehouse.ts"

export interface Tie {
  readonly claims: StoreClaims["Service"]
  readonly origin: WarehouseOrigin["Service"]
}

/** What store and warehouse know of each other; undefined where one of them knows no such thing. */
export const claimsAndOrigin = Effect.gen(function* () {
  const claims = Option.getOrUndefined(yield* Effect.serviceOption(StoreClaims))
  const origin = Option.getOrUndefined(yield* Effect.serviceOption(WarehouseOrigin))
  const tie: Tie | undefined = claims === undefined || origin === undefined ? undefined : { claims, origin }
  return tie
})

/**
 * Claims the store for the warehouse, which notes its name; undefined where one of them knows no such thing. Fails with
 * `StoreMismatch` where what the warehouse has loaded is not, or not any more, what the store has.
 */
export const claimStore = Effect.fn("claimStore")(function* (options: { readonly takeOver: boolean }) {
  const tie = yield* claimsAndOrigin
  if (tie === undefined) return undefined
  const { cursor } = yield* (yield* Warehouse).watermark
  const { id, store } = yield* tie.origin.read
  const claim = yield* tie.claims.claim({ id, store, cursor }, options)
  if (store !== claim.store) yield* tie.origin.bind(claim.store)
  return claim
})

/** What a loader asks before each page. */
interface Belonging {
  /** Before anything behind `cursor` is believed: also that there is nothing. */
  readonly check: (cursor: Cursor) => Effect.Effect<void, EventStoreError | WarehouseError, Warehouse>
  readonly advance: (cursor: Cursor, to: Cursor) => Effect.Effect<void, EventStoreError | WarehouseError, Warehouse>
}

const byServices = new WeakMap<StoreClaims["Service"], WeakMap<WarehouseOrigin["Service"], Belonging>>()

const FREE: Belonging = { check: () => Effect.void, advance: () => Effect.void }

/** Of these two services, whoever loads: a second claim would end the first. */
export const belonging = Effect.gen(function* () {
  const tie = yield* claimsAndOrigin
  if (tie === undefined) return FREE
  const ofStore = byServices.get(tie.claims) ?? new WeakMap<WarehouseOrigin["Service"], Belonging>()
  const found = ofStore.get(tie.origin) ?? makeBelonging()
  byServices.set(tie.claims, ofStore.set(tie.origin, found))
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
