import { Schema } from "effect"
import { HttpApiSchema } from "effect/http-api"
import { EventInput } from "../event/EventInput.ts"
import { MAX_EVENTS_PER_REQUEST } from "../event/rules.ts"
import { Rejected } from "./Problem.ts"

export const EventArray = Schema.Array(EventInput).check(
  Schema.isMinLength(1),
  Schema.isMaxLength(MAX_EVENTS_PER_REQUEST)
)

export const Envelope = Schema.Struct({
  events: EventArray,
  sent_at: Schema.optionalKey(
    Schema.String.annotate({
      format: "date-time",
      description: "The client's clock when it sent this; corrects a clock that is wrong by more than 60 s."
    })
  ),
  key: Schema.optionalKey(Schema.String.annotate({ description: "The API key, for senders that cannot set headers." }))
}).annotate({ identifier: "Envelope" })

export const BatchAnswer = Schema.Struct({
  accepted: Schema.Int.annotate({ description: "Events that are now in the durable queue." }),
  rejected: Schema.Array(Rejected)
})
  .annotate({ identifier: "BatchAnswer" })
  .pipe(HttpApiSchema.status(202))

const count = Schema.Int

export const LedgerAnswer = Schema.Struct({
  accepted: count,
  stored: count,
  duplicates: count,
  dead_lettered: count,
  replayed: count,
  in_flight: count,
  lost: count.annotate({
    description: "Accepted, and gone from queue or store before it was loaded: look at the runbook."
  }),
  difference: count.annotate({ description: "0, or something was invented, or has gone unseen." }),
  stopped: Schema.optional(Schema.String).annotate({
    description:
      "Why nothing is loaded any more, until an operator has decided: store and warehouse do not belong together."
  })
}).annotate({ identifier: "Ledger" })

export const Alive = Schema.Struct({ status: Schema.Literal("alive") }).annotate({ identifier: "Alive" })

export const Started = Schema.Struct({ status: Schema.Literal("started") }).annotate({ identifier: "Started" })

const instant = Schema.String.annotate({ format: "date-time" })

export const Readiness = Schema.Struct({
  status: Schema.Literals(["ready", "not_ready"]),
  roles: Schema.Array(Schema.String),
  queue: Schema.Struct({
    writable: Schema.Boolean,
    durability: Schema.Literals(["none", "process-crash", "fsync"]),
    events: count,
    lost: count.annotate({ description: "Accepted events that are gone from the queue." })
  }),
  store: Schema.optional(
    Schema.Struct({ reachable: Schema.Boolean, held_back_seconds: Schema.optional(Schema.Finite) })
  ).annotate({
    description:
      "The hot store, in a process that uses it; and for how long an open transaction has kept newer events from being loaded."
  }),
  warehouse: Schema.optional(
    Schema.Struct({
      reachable: Schema.Boolean,
      as_of: Schema.NullOr(instant),
      age_seconds: Schema.NullOr(Schema.Finite)
    })
  ).annotate({ description: "In the process that owns it." }),
  loops: Schema.optional(
    Schema.Array(
      Schema.Struct({
        name: Schema.String,
        trouble: Schema.Literals(["defect", "failing", "hung"]),
        since: instant,
        error: Schema.optional(Schema.String)
      })
    )
  ).annotate({
    description: "Background work that makes no progress, and what it ended with; absent while all of it does."
  }),
  ledger: Schema.optional(Schema.Struct({ lost: count, difference: count })).annotate({
    description: "Of all projects, in the process that owns the warehouse; absent while it cannot be read."
  })
}).annotate({ identifier: "Readiness" })
export type Readiness = typeof Readiness.Type

/** `/readyz` answers the same body with 503 when the server should get no traffic. */
export const NotReady = Readiness.annotate({ identifier: "NotReady" }).pipe(HttpApiSchema.status(503))

export const DeadLetterAnswer = Schema.Struct({
  id: Schema.String,
  event: Schema.Struct({
    project_id: Schema.String,
    event_id: Schema.String,
    occurred_at: instant,
    user_id: Schema.String,
    event_type: Schema.String,
    properties: Schema.Unknown,
    received_at: instant
  }),
  reason: Schema.Struct({
    stage: Schema.Literals(["queue", "store", "warehouse"]),
    code: Schema.String,
    message: Schema.String,
    attempts: count
  }),
  failed_at: instant
}).annotate({ identifier: "DeadLetter" })

export const DeadLetterPage = Schema.Struct({
  dead_letters: Schema.Array(DeadLetterAnswer),
  next: Schema.NullOr(Schema.String).annotate({ description: "Give it as `after` to read on; null at the end." })
}).annotate({ identifier: "DeadLetterPage" })

/** Ids of dead letters, or all of the project's. */
export const DeadLetterIds = Schema.Struct({
  ids: Schema.Union([
    Schema.Literal("all"),
    Schema.Array(Schema.String).check(Schema.isMinLength(1), Schema.isMaxLength(1_000))
  ])
}).annotate({ identifier: "DeadLetterIds" })

export const Affected = Schema.Struct({ count }).annotate({ identifier: "Affected" })
