import { Cause, Effect, Exit, Fiber, type Scope } from "effect"
import type { DeadLetters } from "../port/DeadLetters.ts"
import type { EventQueue, EventQueueError } from "../port/EventQueue.ts"
import type { Cursor, EventStore, EventStoreError } from "../port/EventStore.ts"
import { Warehouse, type WarehouseError } from "../port/Warehouse.ts"
import { belonging } from "./belong.ts"
import { PageSize } from "./PageSize.ts"
import { type FetchedPage, fetchPage, loadFetched, type LoadReport } from "./load.ts"

interface Ahead {
  readonly after: Cursor
  readonly fetching: Fiber.Fiber<FetchedPage, EventQueueError | EventStoreError>
}

type Loading = Effect.Effect<
  LoadReport,
  EventQueueError | EventStoreError | WarehouseError,
  EventQueue | DeadLetters | EventStore | Warehouse
>

/**
 * What loads one page each time it is run, as `load` does, and fetches the page behind it meanwhile: store and warehouse
 * work side by side. For one caller at a time.
 *
 * **Details**
 *
 * One page is ahead at most, and only while there is more. The warehouse's watermark alone says where to go on: a page
 * that does not begin there is dropped, and so is the one ahead of a load that failed. Who was erased since a page was
 * fetched is up to the warehouse, which knows when it loads.
 *
 * A page that there is no memory for is fetched again half as large, down to one event; only what does not fit alone, time
 * after time, is set aside. Pages grow again as they fit.
 *
 * **Gotchas**
 *
 * A report says `caughtUp` only of a page that was fetched in the same run: what came while a page waited lies behind it.
 */
export const makeLoadAhead = (options: { readonly limit: number }): Effect.Effect<Loading, never, Scope.Scope> =>
  Effect.map(Effect.scope, (scope) => {
    const size = new PageSize(options.limit)
    let ahead: Ahead | undefined
    const drop = Effect.suspend(() => {
      const dropped = ahead
      ahead = undefined
      return dropped === undefined ? Effect.void : Fiber.interrupt(dropped.fetching)
    })
    const fetchBehind = Effect.fnUntraced(function* (after: Cursor) {
      ahead = {
        after,
        fetching: yield* Effect.forkIn(fetchPage({ limit: size.limit, after }), scope, { uninterruptible: true })
      }
    })
    return Effect.gen(function* () {
      const { cursor } = yield* (yield* Warehouse).watermark
      const { advance, check } = yield* belonging
      yield* Effect.onError(check(cursor), () => drop)
      if (ahead !== undefined && ahead.after !== cursor) yield* drop
      const waiting = ahead
      ahead = undefined
      const fetching = fetchPage({ limit: size.limit, after: cursor })
      const fetched = yield* waiting === undefined ? fetching : arrived(waiting, fetching)
      if (!fetched.page.caughtUp && fetched.page.cursor !== cursor) yield* fetchBehind(fetched.page.cursor)
      const advanced = fetched.page.cursor === cursor ? Effect.void : advance(cursor, fetched.page.cursor)
      const loading = Effect.andThen(advanced, loadFetched(cursor, fetched, size.isHopeless))
      const report = yield* Effect.catchIf(
        Effect.onError(loading, () => drop),
        isOfMemory,
        (error) => halve(size, fetched, error)
      )
      if (report !== HALVED) size.fits()
      return waiting === undefined ? report : { ...report, caughtUp: false }
    })
  })

/** A closing scope ends what is fetched ahead in it; the last loads, which come after that, fetch again. */
const arrived = <R>(
  { fetching }: Ahead,
  again: Effect.Effect<FetchedPage, EventQueueError | EventStoreError, R>
): Effect.Effect<FetchedPage, EventQueueError | EventStoreError, R> =>
  Effect.flatMap(Fiber.await(fetching), (exit) =>
    Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause) ? again : exit
  )

type LoadError = EventQueueError | EventStoreError | WarehouseError

const isOfMemory = ({ reason }: LoadError): boolean => reason._tag === "OutOfMemory"

/** Nothing was loaded, and a smaller page is next. */
const HALVED: LoadReport = { inserted: 0, duplicates: 0, deadLettered: 0, caughtUp: false, advanced: false }

const halve = (size: PageSize, { page }: FetchedPage, error: LoadError) => {
  const count = page.batches.reduce((sum, batch) => sum + batch.count, 0)
  return size.tooLarge(count)
    ? Effect.as(
        Effect.annotateLogs(
          Effect.logWarning("there is no memory for so many events at once: half of them is tried", error),
          {
            stage: "etl",
            count
          }
        ),
        HALVED
      )
    : Effect.fail(error)
}
