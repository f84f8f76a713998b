import { type EventBatch, EventBatch as Batch, EventStore, type Event, type StoreServices } from "@millrace/core"
import { eventsOf } from "@millrace/testing"
import type { PostgresServer } from "@millrace/test-services"
import { it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import pg from "pg"
import { Postgres, type PostgresOptions, type PostgresStatus } from "../src/index.ts"

export interface Place {
  readonly url: string
  /** A connection beside the store's own, in its schema. */
  readonly sql: (text: string, values?: ReadonlyArray<unknown>) => Effect.Effect<ReadonlyArray<Record<string, unknown>>>
}

type Services = StoreServices | PostgresStatus

/** Each law has a database of its own. */
export const lawOn =
  (server: () => PostgresServer) =>
  <E>(
    title: string,
    body: (place: Place) => Effect.Effect<void, E, Services | Scope.Scope>,
    options: Partial<PostgresOptions> = {}
  ) =>
    it.live(title, () =>
      Effect.gen(function* () {
        const url = yield* Effect.promise(() => server().createDatabase())
        return yield* Effect.scoped(Effect.flatMap(connect(url), (sql) => body({ url, sql }))).pipe(
          Effect.provide(Postgres.layer({ url, ...options }))
        )
      })
    )

export const connect = (url: string, schema = "millrace"): Effect.Effect<Place["sql"], never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.promise(async () => {
        const client = new pg.Client({ connectionString: url, options: `-c search_path=${schema}` })
        client.on("error", () => {})
        await client.connect()
        return client
      }),
      (client) => Effect.promise(() => client.end().catch(() => undefined))
    ),
    (client) =>
      (text, values = []) =>
        Effect.map(
          Effect.promise(() => client.query(text, [...values])),
          ({ rows }) => rows as ReadonlyArray<Record<string, unknown>>
        )
  )

/** A queue message of `count` events from number `from` on. */
export const messageOf = (position: number, from: number, count: number, fields: Partial<Event> = {}, log = "log") =>
  Batch.fromEvents(eventsOf(from, count, fields), { log, position, offset: 0 })

export const idsOf = (batches: ReadonlyArray<EventBatch>): ReadonlyArray<string> =>
  batches.flatMap((batch) => batch.events.map((event) => event.event_id))

/** Everything after `after`, page by page. */
export const replayAll = Effect.fnUntraced(function* (limit = 1_000, after = "") {
  const store = yield* EventStore
  const batches: Array<EventBatch> = []
  let cursor = after
  let duplicates = 0
  while (true) {
    const page = yield* store.replay({ after: cursor, limit })
    batches.push(...page.batches)
    for (const count of Object.values(page.duplicates)) duplicates += count
    cursor = page.cursor
    if (page.caughtUp)
      return { events: batches.flatMap((batch) => batch.events), ids: idsOf(batches), duplicates, cursor }
  }
})
