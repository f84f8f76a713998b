import { EventStoreError, StoreRejected } from "@millrace/core"

/** Throws an `EventStoreError` for what is no cursor of a log. */
export const sequenceOf = (cursor: string, operation: EventStoreError["operation"]): number => {
  if (cursor === "") return 0
  if (/^\d{1,15}$/.test(cursor)) return Number(cursor)
  const cause = new Error(`cursor ${JSON.stringify(cursor)} is none of this store's`)
  throw new EventStoreError({ operation, reason: new StoreRejected({ cause }) })
}
