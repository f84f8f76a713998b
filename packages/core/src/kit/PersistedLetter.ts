import { Schema } from "effect"

/**
 * A dead letter as a queue's log keeps it: all of `DeadLetter` but the id, which is its place there. Times are UTC
 * microseconds. Letters that earlier versions wrote are read with it, so a field may be added, as an optional one, but
 * not renamed or taken away.
 */
export const PersistedLetter = Schema.Struct({
  event: Schema.Struct({
    project_id: Schema.String,
    event_id: Schema.String,
    occurred_at: Schema.Number,
    user_id: Schema.String,
    event_type: Schema.String,
    properties: Schema.String,
    received_at: Schema.Number,
    skew_micros: Schema.Number
  }),
  reason: Schema.Struct({
    stage: Schema.Literals(["queue", "store", "warehouse"]),
    code: Schema.String,
    message: Schema.String,
    attempts: Schema.Int
  }),
  failed_at: Schema.Number
})
