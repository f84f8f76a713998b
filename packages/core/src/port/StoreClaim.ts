import { Schema } from "effect"

const TEXT = {
  other_store: "the warehouse was filled from another store",
  store_went_back:
    "the store is older than the warehouse that was filled from it: it was restored, or lost its newest part",
  gap: "the store has pruned what the warehouse has not loaded: the warehouse is new, or older than the store's first record",
  other_warehouse: "another warehouse is filled from this store, and there is one at a time",
  taken_over: "another process, or a copy of this folder, has since begun to fill a warehouse from this store"
} as const

const COMMAND = {
  other_store: "reconcile --reload",
  store_went_back: "reconcile --reload",
  gap: "reconcile --skip",
  other_warehouse: "reconcile --take-over",
  taken_over: "reconcile --take-over"
} as const

const PROBLEMS = ["other_store", "store_went_back", "gap", "other_warehouse", "taken_over"] as const

/** Store and warehouse do not belong together: nothing is loaded until an operator has said how to go on. */
export class StoreMismatch extends Schema.TaggedError<StoreMismatch>()("StoreMismatch", {
  problem: Schema.Literals(PROBLEMS),
  /** Detail of what was compared. */
  detail: Schema.String
}) {
  readonly retryable = false
  // Without quotation marks: logs leave out what stands in them.
  override get message(): string {
    return `${TEXT[this.problem]} (${this.detail}); nothing is loaded until millrace ${COMMAND[this.problem]} or a restore`
  }
}
