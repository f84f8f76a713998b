import { Clock, Effect } from "effect"
import type { EventBatch } from "../event/EventBatch.ts"
import { halve } from "../kit/storeAll.ts"
import { DeadLetters } from "../port/DeadLetters.ts"
import { EventQueue } from "../port/EventQueue.ts"
import { type Cursor, EventStore, type Page } from "../port/EventStore.ts"
import { belonging } from "./belong.ts"
import { logged } from "./logged.ts"
import { Warehouse, type WarehouseError } from "../port/Warehouse.ts"
import { inTraceOf } from "../event/traceparent.ts"

export interface LoadReport {
  readonly inserted: number
  readonly duplicates: number
  readonly deadLettered: number
  readonly caughtUp: boolean
  /** Whether the watermark moved. */
  readonly advanced: boolean
}

/** One page as it was read, and what may be said once it is loaded. */
export interface FetchedPage {
  readonly page: Page
  /** UTC microseconds; undefined where something lies beyond the page. */
  readonly as_of: number | undefined
}

/**
 * The page after a cursor. Its `as_of`, before which everything acknowledged lies in it or before it, is read before the
 * page is, and lies before the oldest event still waiting in the queue: so it is true whenever the page is loaded.
 */
export const fetchPage = Effect.fn("fetch")(function* (options: { readonly after: Cursor; readonly limit: number }) {
  const now = (yield* Clock.currentTimeMillis) * 1000
  const { oldestReceivedAt } = yield* (yield* EventQueue).waiting
  const page = yield* (yield* EventStore).replay(options)
  const fetched: FetchedPage = { page, as_of: page.caughtUp ? Math.min(now, oldestReceivedAt ?? now) : undefined }
  return fetched
})

/**
 * Loads a page that begins at the warehouse's own watermark, `after`. `as_of` moves only when the page reached the end.
 * `apart`: rows that there is no memory for, each alone, are set aside like those that are refused.
 */
export const loadFetched = Effect.fn("load")(function* (after: Cursor, { as_of, page }: FetchedPage, apart = false) {
  const warehouse = yield* Warehouse
  if (page.cursor === after && as_of === undefined) {
    return { inserted: 0, duplicates: 0, deadLettered: 0, caughtUp: false, advanced: false }
  }
  const following = { ...page, after }
  const loading = warehouse.load(following, as_of).pipe(
    Effect.map((report) => ({ ...report, deadLettered: 0 })),
    Effect.catchIf(
      (error) => isRefusal(error, apart),
      () => loadWithoutRefused(following, as_of, apart)
    )
  )
  // An idle pipeline moves `as_of` twice a second: nothing to tell of.
  const done = yield* page.batches.length === 0
    ? loading
    : loading.pipe(logged({ stage: "etl", batches: page.batches }), inTraceOf("etl", page.batches))
  const report: LoadReport = { ...done, caughtUp: page.caughtUp, advanced: page.cursor !== after }
  return report
})

/** One page: hot store → warehouse, from the warehouse's own watermark. */
export const load = Effect.fnUntraced(function* ({ limit }: { readonly limit: number }) {
  const { cursor } = yield* (yield* Warehouse).watermark
  const { advance, check } = yield* belonging
  yield* check(cursor)
  const fetched = yield* fetchPage({ after: cursor, limit })
  if (fetched.page.cursor !== cursor) yield* advance(cursor, fetched.page.cursor)
  return yield* loadFetched(cursor, fetched)
})

const isRefusal = ({ reason }: WarehouseError, apart: boolean): boolean =>
  reason._tag === "RowsRejected" || (apart && reason._tag === "OutOfMemory")

type LoadPage = Parameters<Warehouse["Service"]["load"]>[0]

/**
 * Narrows the refused rows down by rehearsals that commit nothing, sets them aside, and loads the rest of the page in
 * its one transaction: rows, counts and watermark stay together even here.
 */
const loadWithoutRefused = Effect.fnUntraced(function* (page: LoadPage, as_of: number | undefined, apart: boolean) {
  const letters = yield* DeadLetters
  const warehouse = yield* Warehouse
  const sorted = yield* sortOut(page.batches, apart)
  for (const { batch, error } of sorted.refused) {
    yield* letters.put(batch, {
      stage: "warehouse",
      code: error.reason._tag,
      message: error.message,
      attempts: 1
    })
  }
  const report = yield* warehouse.load({ ...page, batches: sorted.fit }, as_of)
  return { ...report, deadLettered: sorted.refused.length }
})

interface Sorted {
  readonly fit: ReadonlyArray<EventBatch>
  readonly refused: ReadonlyArray<{ readonly batch: EventBatch; readonly error: WarehouseError }>
}

const sortOut = (
  batches: ReadonlyArray<EventBatch>,
  apart: boolean
): Effect.Effect<Sorted, WarehouseError, Warehouse> =>
  Effect.gen(function* () {
    const warehouse = yield* Warehouse
    return yield* warehouse.rehearse(batches).pipe(
      Effect.as<Sorted>({ fit: batches, refused: [] }),
      Effect.catchIf(
        (error) => isRefusal(error, apart),
        (error) => sortHalves(batches, error, apart)
      )
    )
  })

const sortHalves = Effect.fnUntraced(function* (
  batches: ReadonlyArray<EventBatch>,
  error: WarehouseError,
  apart: boolean
) {
  const halves = halve(batches)
  if (halves === undefined) return { fit: [], refused: [{ batch: batches[0]!, error }] }
  const left = yield* sortOut(halves[0], apart)
  const right = yield* sortOut(halves[1], apart)
  return { fit: [...left.fit, ...right.fit], refused: [...left.refused, ...right.refused] }
})
