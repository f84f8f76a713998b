import { readdirSync } from "node:fs"
import { join } from "node:path"
import {
  type DeadLetterReason,
  DeadLetters,
  EventQueue,
  EventStore,
  type Page,
  type QueueFailure,
  QueueLedger,
  type QueueServices,
  type StoreServices
} from "@millrace/core"
import { batchOf, idOf } from "@millrace/testing"
import { Embedded } from "@millrace/embedded"
import { Effect } from "effect"

export const options = { segmentBytes: 4096, maxAttempts: 3, backoffMillis: 1 }
export const lease = { limit: 1_000, ackWaitMillis: 10_000 }
export const refused: DeadLetterReason = { stage: "store", code: "Refused", message: "by the test", attempts: 1 }

export type Services = QueueServices | QueueFailure | StoreServices

/** Runs one life of the process over `directory`. */
export const live = <A>(directory: string, life: Effect.Effect<A, unknown, Services>): Promise<A> =>
  Effect.runPromise(Effect.provide(life, Embedded.layer({ directory, ...options })))

export const queueOf = <A, E, R>(use: (queue: EventQueue["Service"]) => Effect.Effect<A, E, R>) =>
  Effect.flatMap(EventQueue, use)
export const lettersOf = <A, E, R>(use: (letters: DeadLetters["Service"]) => Effect.Effect<A, E, R>) =>
  Effect.flatMap(DeadLetters, use)
export const countsOf = Effect.flatMap(QueueLedger, ({ counts }) => counts)
export const storeOf = <A, E, R>(use: (store: EventStore["Service"]) => Effect.Effect<A, E, R>) =>
  Effect.flatMap(EventStore, use)

export const publish = (from: number, count: number, fields = {}) =>
  queueOf((queue) => queue.publish(batchOf(from, count, fields)))

/** Takes, stores, and acknowledges one delivery. */
export const drainOnce = (takeOptions = lease) =>
  Effect.gen(function* () {
    const { batches } = yield* (yield* EventQueue).take(takeOptions)
    return yield* (yield* EventStore).append(batches)
  }).pipe(Effect.scoped)

export const drainAll = Effect.gen(function* () {
  const queue = yield* EventQueue
  while ((yield* queue.waiting).events > 0) yield* drainOnce()
})

export const idsIn = (page: Pick<Page, "batches">) =>
  page.batches.flatMap((batch) => batch.events.map((event) => event.event_id))

export const replayAll = (after = "") =>
  Effect.gen(function* () {
    const store = yield* EventStore
    const shown: Array<string> = []
    let duplicates = 0
    let cursor = after
    while (true) {
      const page = yield* store.replay({ after: cursor, limit: 7 })
      shown.push(...idsIn(page))
      duplicates += page.duplicates["default"] ?? 0
      cursor = page.cursor
      if (page.caughtUp) return { shown, duplicates, cursor }
    }
  })

export const numbers = (from: number, count: number) => Array.from({ length: count }, (_, index) => idOf(from + index))

export const segmentsIn = (directory: string) =>
  readdirSync(join(directory, "log")).filter((name) => name.endsWith(".log"))
