import { Clock, Effect } from "effect"
import type { Erased, ErasurePlace } from "../event/Erased.ts"
import { QueueErasure, StoreErasure, WarehouseErasure } from "../port/Erasure.ts"
import { claimsAndOrigin } from "./belong.ts"
import { type Person, type UserName, Warehouse } from "../port/Warehouse.ts"
import { settleWithin } from "./finishErasure.ts"
import type { Erasure } from "../event/Tombstones.ts"

/** What was done at one place. */
export interface ErasureStep {
  readonly place: ErasurePlace
  /** `pending`: not reached, or not all of it; erase the same user again. */
  readonly status: "done" | "pending"
  readonly events: number
  /** UTC microseconds; undefined while pending. */
  readonly finished_at: number | undefined
}

/** It holds no user id, so that it can be kept. */
export interface ErasureReceipt {
  readonly project_id: string
  /** A keyed hash of project and user: the same for every erasure of the same user. */
  readonly user_hash: string
  /** Ids that are the user's: the named one and all that were merged into it. */
  readonly ids: number
  /** UTC microseconds: what occurred or was accepted at or before this instant is gone, and stays so. */
  readonly erased_until: number
  readonly steps: ReadonlyArray<ErasureStep>
  /** Other warehouses that were filled from this store, and may hold events of the user still. */
  readonly otherWarehouses: ReadonlyArray<string>
  readonly complete: boolean
}

export interface EraseOptions {
  /** For what was accepted before to be loaded: until then it is not known who else the user is. */
  readonly settleWithinMillis: number
}

const SETTLE_WITHIN_MILLIS = 20_000

/**
 * Erases a user, and every id merged into the user, everywhere. The warehouse comes last: it alone knows which ids were
 * merged, so as long as another place is pending nothing is erased there, and the same call can be made again.
 */
export const eraseUser = Effect.fn("eraseUser")(function* (
  user: UserName,
  { settleWithinMillis }: EraseOptions = { settleWithinMillis: SETTLE_WITHIN_MILLIS }
) {
  const settled = yield* settleWithin(settleWithinMillis)
  const queue = yield* QueueErasure
  const store = yield* StoreErasure
  const warehouse = yield* WarehouseErasure
  const person = yield* (yield* Warehouse).person(user)
  const erasure: Erasure = {
    project_id: user.project_id,
    user_ids: person.user_ids,
    until: Math.max((yield* Clock.currentTimeMillis) * 1000, person.latest)
  }
  const inQueue = yield* stepsOf(["queue", "dead_letters"], queue.erase(erasure))
  const inStore = yield* stepsOf(["store"], store.erase(erasure))
  const reached = settled && inQueue.reached && inStore.reached
  const inWarehouse = Effect.map(warehouse.erase(erasure), (events): ReadonlyArray<Erased> => [
    { place: "warehouse", events }
  ])
  const cold = reached ? (yield* stepsOf(["warehouse"], inWarehouse)).steps : [pending("warehouse")]
  const receipt = receiptOf(person, erasure, [...inQueue.steps, ...inStore.steps, ...cold])
  return withOthers(receipt, yield* otherWarehouses)
})

/** A store that does not say which there are has not been asked: that is no receipt. */
const otherWarehouses = Effect.gen(function* () {
  const tie = yield* claimsAndOrigin
  return tie === undefined ? [] : yield* tie.claims.others((yield* tie.origin.read).id)
}).pipe(Effect.catch((error) => Effect.as(Effect.logWarning("other warehouses are not known", error), undefined)))

const withOthers = (
  receipt: Omit<ErasureReceipt, "otherWarehouses">,
  others: ReadonlyArray<string> | undefined
): ErasureReceipt => ({
  ...receipt,
  otherWarehouses: others ?? [],
  complete: receipt.complete && others?.length === 0
})

interface Steps {
  readonly steps: ReadonlyArray<ErasureStep>
  /** No event of the user is left there, whatever its files still hold. */
  readonly reached: boolean
}

/** A place that fails is told as pending; the cause is logged. */
const stepsOf = <E, R>(
  places: ReadonlyArray<ErasurePlace>,
  erase: Effect.Effect<ReadonlyArray<Erased>, E, R>
): Effect.Effect<Steps, never, R> =>
  erase.pipe(
    Effect.flatMap((erased) =>
      Effect.map(Clock.currentTimeMillis, (now) => ({ steps: stepsAt(now * 1000, places, erased), reached: true }))
    ),
    Effect.catch((error) =>
      Effect.as(Effect.logWarning("an erasure is not complete", error), { steps: places.map(pending), reached: false })
    )
  )

/** A log that is queue and store in one tells of both. */
const stepsAt = (
  now: number,
  places: ReadonlyArray<ErasurePlace>,
  erased: ReadonlyArray<Erased>
): ReadonlyArray<ErasureStep> =>
  [...new Set([...places, ...erased.map(({ place }) => place)])].map((place) => {
    const here = erased.filter((one) => one.place === place)
    const done = here.every((one) => one.pending !== true)
    return {
      place,
      status: done ? "done" : "pending",
      events: here.reduce((sum, { events }) => sum + events, 0),
      finished_at: done ? now : undefined
    }
  })

const pending = (place: ErasurePlace): ErasureStep => ({
  place,
  status: "pending",
  events: 0,
  finished_at: undefined
})

const receiptOf = (
  { hash, user_ids }: Person,
  { project_id, until }: Erasure,
  steps: ReadonlyArray<ErasureStep>
): Omit<ErasureReceipt, "otherWarehouses"> => {
  const places = [...new Set(steps.map(({ place }) => place))]
  const summed = places.map((place) => steps.filter((step) => step.place === place).reduce(joined))
  return {
    project_id,
    user_hash: hash,
    ids: user_ids.length,
    erased_until: until,
    steps: summed,
    complete: summed.every(({ status }) => status === "done")
  }
}

const joined = (left: ErasureStep, right: ErasureStep): ErasureStep => ({
  place: left.place,
  status: left.status === "pending" ? "pending" : right.status,
  events: left.events + right.events,
  finished_at: left.finished_at === undefined ? undefined : right.finished_at
})
