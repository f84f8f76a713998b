import { type ClaimingWarehouse, EventStoreError, type StoreClaims, StoreMismatch } from "@millrace/core"
import { Effect } from "effect"
import { sequenceOf } from "./cursor.ts"
import type { EmbeddedLog } from "./EmbeddedLog.ts"

/** One process owns log and warehouse, so who fills which is never in question; but one of the two may have been put back. */
export const makeClaims = (log: EmbeddedLog): StoreClaims["Service"] => {
  const check = (warehouse: Omit<ClaimingWarehouse, "id">) =>
    Effect.suspend(() => {
      const found = mismatchOf(log, warehouse)
      return found === undefined
        ? Effect.void
        : Effect.fail(new EventStoreError({ operation: "claim", reason: new StoreMismatch(found) }))
    })
  const claim = {
    store: log.id,
    check: (cursor: string) => check({ store: log.id, cursor }),
    advance: (cursor: string) => check({ store: log.id, cursor })
  }
  return {
    claim: (warehouse) => Effect.as(check(warehouse), claim),
    reset: () => Effect.void,
    start: Effect.sync(() => (log.index.droppedUpTo === 0 ? "" : String(log.index.droppedUpTo))),
    others: () => Effect.succeed([]),
    forget: () => Effect.void
  }
}

const mismatchOf = ({ id, index }: EmbeddedLog, { cursor, store }: Omit<ClaimingWarehouse, "id">) => {
  const at = sequenceOf(cursor, "claim")
  if (store !== undefined && store !== id) {
    return { problem: "other_store", detail: `log ${store} filled it, this one is ${id}` } as const
  }
  if (at > index.last) {
    const detail = `the warehouse has record ${at}, the log ends with ${index.last}`
    return { problem: "store_went_back", detail } as const
  }
  if (at < index.droppedUpTo) {
    const detail = `the warehouse ends with record ${at}, the log begins behind ${index.droppedUpTo}`
    return { problem: "gap", detail } as const
  }
  return undefined
}
