import { Schema } from "effect"
import { HttpApi, HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { forAdmins, forReaders, guarded, open } from "./access.ts"
import { authGroup } from "./auth.ts"
import { backupsGroup } from "./backups.ts"
import { describe } from "./describe.ts"
import { batchExample, problemExample, readinessExample } from "./examples.ts"
import { jobsGroup } from "./jobs.ts"
import { noEventAccepted, problemOf } from "./Problem.ts"
import {
  Affected,
  Alive,
  BatchAnswer,
  DeadLetterIds,
  DeadLetterPage,
  Envelope,
  EventArray,
  LedgerAnswer,
  NotReady,
  Readiness,
  Started
} from "./schemas.ts"
import { statsGroup } from "./stats.ts"
import { usersGroup } from "./users.ts"

const text = (contentType: string) => Schema.String.pipe(HttpApiSchema.asText({ contentType }))

const bodyErrors = [problemOf(400), problemOf(408), problemOf(413), problemOf(415)] as const

/** Where limits are configured. */
const quotaHeaders = {
  ratelimit: 'What is left of each quota: "key";r=<events>;t=<seconds until it is whole again>.',
  "ratelimit-policy": 'Each quota: "key";q=<events at once>;w=<seconds in which as many come again>.'
}

const ingest = HttpApiEndpoint.post("ingest", "/events", {
  payload: [
    Schema.Union([EventArray, Envelope]),
    // Beacons: a content type that needs no preflight.
    Schema.String.pipe(HttpApiSchema.asText({ contentType: "text/plain" }))
  ],
  success: BatchAnswer,
  error: [...bodyErrors, noEventAccepted, problemOf(429), problemOf(500), problemOf(503)]
})
  // Anyone's page may send events, since that is what a client SDK does; never with credentials.
  .pipe(guarded({ scope: "write", key: "headers or body", role: "ingest", pages: "all", crossSite: "answered" }))
  .annotateMerge(
    describe({
      summary: "Send a batch of events",
      description:
        "Every event is judged on its own. 202: the accepted ones are in the durable queue. Sending the same event_id again " +
        "costs nothing. The body may be compressed (gzip, deflate, br) and holds at most 5 MiB, also once inflated.",
      example: batchExample,
      answers: {
        202: {
          headers: {
            "millrace-durability": "What the acknowledgement survives: fsync or process-crash.",
            ...quotaHeaders
          }
        },
        422: { example: problemExample },
        429: { headers: { "retry-after": "Seconds.", ...quotaHeaders } },
        503: { headers: { "retry-after": "Seconds." } }
      }
    })
  )

const events = HttpApiGroup.make("events").add(ingest)

const ledger = HttpApiEndpoint.get("ledger", "/ledger", {
  success: LedgerAnswer,
  error: [problemOf(500), problemOf(503)]
})
  .pipe(forReaders)
  .annotateMerge(
    describe({
      summary: "Where every accepted event is",
      description: "accepted = stored + duplicates + dead_lettered + in_flight; the difference is 0."
    })
  )

const listDeadLetters = HttpApiEndpoint.get("listDeadLetters", "/dead-letters", {
  query: {
    limit: Schema.optionalKey(Schema.String.annotate({ description: "1–1000, default 100." })),
    after: Schema.optionalKey(Schema.String.annotate({ description: "The id to read on from." }))
  },
  success: DeadLetterPage,
  error: [problemOf(422), problemOf(500), problemOf(503)]
})

const deadLetterErrors = [...bodyErrors, problemOf(422), problemOf(500), problemOf(503)] as const

const replayDeadLetters = HttpApiEndpoint.post("replayDeadLetters", "/dead-letters/replay", {
  payload: DeadLetterIds,
  success: Affected,
  error: deadLetterErrors
})

const purgeDeadLetters = HttpApiEndpoint.post("purgeDeadLetters", "/dead-letters/purge", {
  payload: DeadLetterIds,
  success: Affected,
  error: deadLetterErrors
})

// At the owner of the statistics: for ingestion alone the hot store is not opened, and it keeps some of them.
const deadLetters = HttpApiGroup.make("deadLetters")
  .add(
    listDeadLetters
      .pipe(forAdmins)
      .annotateMerge(describe({ summary: "Events that could not be stored, with the reason" })),
    replayDeadLetters.pipe(forAdmins).annotateMerge(describe({ summary: "Queue dead letters again" })),
    purgeDeadLetters.pipe(forAdmins).annotateMerge(describe({ summary: "Delete dead letters for good" }))
  )
  .annotateMerge(OpenApi.annotations({ title: "dead letters" }))

/** Holds nothing of anybody. */
const harmless = open({ scope: "none", pages: "readers", crossSite: "answered" })

const operations = HttpApiGroup.make("operations").add(
  ledger,
  HttpApiEndpoint.get("livez", "/livez", { success: Alive })
    .annotateMerge(harmless)
    .annotateMerge(describe({ summary: "The process answers", description: "Looks at nothing but the event loop." })),
  HttpApiEndpoint.get("startupz", "/startupz", { success: Started })
    .annotateMerge(harmless)
    .annotateMerge(
      describe({ summary: "The process has started", description: "Before that nothing listens on its port." })
    ),
  HttpApiEndpoint.get("readyz", "/readyz", { success: Readiness, error: NotReady })
    .annotateMerge(harmless)
    .annotateMerge(
      describe({ summary: "The server should get traffic", answers: { 200: { example: readinessExample } } })
    ),
  HttpApiEndpoint.get("metrics", "/metrics", {
    success: text("text/plain; version=0.0.4; charset=utf-8")
  })
    .annotateMerge(open({ scope: "operator", pages: "none", crossSite: "refused" }))
    .annotateMerge(describe({ summary: "Prometheus metrics" })),
  HttpApiEndpoint.get("openapi", "/openapi.json", { success: Schema.Unknown })
    .annotateMerge(harmless)
    .annotateMerge(describe({ summary: "This document" })),
  HttpApiEndpoint.get("docs", "/docs", { success: text("text/html; charset=utf-8") })
    .annotateMerge(open({ scope: "none", pages: "none", crossSite: "answered" }))
    .annotateMerge(describe({ summary: "A page to try the API" }))
)

/** The HTTP contract: server, CLI and client types come from here. */
export class Contract extends HttpApi.make("millrace")
  .add(events, statsGroup, usersGroup, deadLetters, backupsGroup, jobsGroup, authGroup, operations)
  .annotateMerge(
    OpenApi.annotations({
      title: "millrace",
      version: "0.1.0",
      description:
        "Send events, ask for statistics. Errors are RFC 9457 problem details.\n\n" +
        "Besides what each operation lists, any path may answer 405 with Allow to a method it does not take, 431 to headers " +
        "over 16 KiB, 408 to a request that takes over 30 s to arrive, and 503 with Retry-After when too much is under way.",
      license: { name: "MIT", identifier: "MIT" }
    })
  ) {}
