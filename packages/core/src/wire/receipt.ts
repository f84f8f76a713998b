import { Schema } from "effect"

const count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
const instant = Schema.String.annotate({ format: "date-time" })

/** What an erasure did, place by place. No user id is in it: it can be kept, and shown to the user. */
export const ErasureReceiptAnswer = Schema.Struct({
  project_id: Schema.String,
  user_hash: Schema.String.annotate({
    description: "HMAC-SHA-256 of project and user under a key of the warehouse: the same for the same user."
  }),
  ids: count.annotate({ description: "The id that was named, and all that were merged into it." }),
  erased_until: instant.annotate({
    description: "What occurred or was accepted at or before this instant is gone, and does not come back."
  }),
  complete: Schema.Boolean,
  places: Schema.Array(
    Schema.Struct({
      place: Schema.Literals(["queue", "dead_letters", "store", "warehouse"]),
      status: Schema.Literals(["done", "pending"]),
      events: count.annotate({ description: "Removed by this request." }),
      finished_at: Schema.NullOr(instant)
    })
  ),
  other_warehouses: Schema.optional(Schema.Array(Schema.String)).annotate({
    description: "Filled from the same store before, and not erased by this: erase there, or delete and forget them."
  })
}).annotate({ identifier: "ErasureReceipt" })
export type ErasureReceiptAnswer = typeof ErasureReceiptAnswer.Type
