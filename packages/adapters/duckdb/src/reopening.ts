import {
  type Aggregates,
  SnapshotError,
  type Warehouse,
  type WarehouseCopier,
  type WarehouseErasure,
  WarehouseError,
  type WarehouseLedger,
  type WarehouseOrigin,
  WarehouseUnavailable
} from "@millrace/core"
import { Clock, Effect, Exit, Scope, Semaphore } from "effect"
import { DriverFailure } from "./errors.ts"

export interface OpenWarehouse {
  readonly warehouse: Warehouse["Service"]
  readonly ledger: WarehouseLedger["Service"]
  readonly erasure: WarehouseErasure["Service"]
  readonly origin: WarehouseOrigin["Service"]
  readonly aggregates: Aggregates["Service"]
  readonly copier: WarehouseCopier
}

/** Calls under way at one time, more than there ever are: whoever opens anew waits for all of them. */
const CALLS = 2 ** 30
/** What did not open is not tried again by every question. */
const AGAIN_MILLIS = 1_000

/** A failed write in the wrong place makes DuckDB refuse all that follows, until the file is opened anew. */
const invalidates = (error: WarehouseError | SnapshotError): boolean => {
  let at: unknown = error instanceof WarehouseError ? error.reason : error.cause
  while (typeof at === "object" && at !== null) {
    if (at instanceof DriverFailure) return at.kind === "FATAL"
    at = "cause" in at ? at.cause : undefined
  }
  return false
}

interface Current {
  readonly opened: OpenWarehouse
  readonly scope: Scope.Closeable
  valid: boolean
}

/**
 * A warehouse that outlives its database: once that is invalidated, the next call closes it and opens the file again, with
 * all that is read of it at a start. What was committed is there; whoever failed tries again as after any failure.
 */
export const makeReopening = Effect.fnUntraced(function* (
  open: Effect.Effect<OpenWarehouse, WarehouseError, Scope.Scope>
): Effect.fn.Return<OpenWarehouse, WarehouseError, Scope.Scope> {
  const calls = yield* Semaphore.make(CALLS)
  const opening = yield* Semaphore.make(1)
  const start: Effect.Effect<Current, WarehouseError> = Effect.gen(function* () {
    const scope = yield* Scope.make()
    const opened = yield* Effect.onError(Effect.provideService(open, Scope.Scope, scope), (cause) =>
      Scope.close(scope, Exit.failCause(cause))
    )
    return { opened, scope, valid: true }
  })
  let current: Current | undefined = yield* start
  let failed: { readonly error: WarehouseError; readonly until: number } | undefined
  yield* Effect.addFinalizer((exit) => (current === undefined ? Effect.void : Scope.close(current.scope, exit)))

  const close = Effect.suspend(() => {
    const before = current
    current = undefined
    return before === undefined ? Effect.void : Scope.close(before.scope, Exit.void)
  })
  const reopen = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    if (failed !== undefined && now < failed.until) return yield* Effect.fail(failed.error)
    yield* calls.withPermits(CALLS)(close)
    current = yield* Effect.tapError(start, (error) =>
      Effect.andThen(
        Effect.sync(() => {
          failed = { error, until: now + AGAIN_MILLIS }
        }),
        Effect.logWarning("the warehouse could not be opened again yet", error)
      )
    )
    failed = undefined
    yield* Effect.logInfo("the warehouse was opened again")
    return current
  }).pipe(Effect.uninterruptible)
  const usable = Effect.suspend(() =>
    current?.valid === true
      ? Effect.succeed(current)
      : opening.withPermit(Effect.suspend(() => (current?.valid === true ? Effect.succeed(current) : reopen)))
  )
  const note = (at: Current, error: WarehouseError | SnapshotError) =>
    Effect.suspend(() => {
      if (!at.valid || !invalidates(error)) return Effect.void
      at.valid = false
      return Effect.logError("the warehouse's database was invalidated; it is opened again", error)
    })
  const through = <A, E extends WarehouseError | SnapshotError>(
    use: (opened: OpenWarehouse) => Effect.Effect<A, E>
  ): Effect.Effect<A, E | WarehouseError> => {
    // Of the moment when the call is let in: nobody closes it from then on.
    const call = Effect.suspend((): Effect.Effect<A, E | WarehouseError> => {
      const at = current
      return at === undefined ? Effect.fail(closed) : Effect.tapError(use(at.opened), (error) => note(at, error))
    })
    return Effect.andThen(usable, calls.withPermit(call))
  }
  let { status } = current.opened.aggregates
  const readStatus = Effect.suspend(() => (status = current?.opened.aggregates.status ?? status))
  return facadeOf(through, readStatus)
})

const closed = new WarehouseError({
  operation: "open",
  reason: new WarehouseUnavailable({ cause: new Error("the database is being opened again") })
})

type Through = <A, E extends WarehouseError | SnapshotError>(
  use: (opened: OpenWarehouse) => Effect.Effect<A, E>
) => Effect.Effect<A, E | WarehouseError>

const unopened = (error: WarehouseError | SnapshotError) =>
  error instanceof SnapshotError ? error : new SnapshotError({ of: "warehouse", behind: false, cause: error })

/** Each call goes to the database of the moment. */
const facadeOf = (through: Through, status: Aggregates["Service"]["status"]): OpenWarehouse => ({
  warehouse: {
    load: (page, as_of) => through(({ warehouse }) => warehouse.load(page, as_of)),
    rehearse: (batches) => through(({ warehouse }) => warehouse.rehearse(batches)),
    watermark: through(({ warehouse }) => warehouse.watermark),
    answer: (question) => through(({ warehouse }) => warehouse.answer(question)),
    person: (user) => through(({ warehouse }) => warehouse.person(user)),
    history: (ids, page) => through(({ warehouse }) => warehouse.history(ids, page))
  },
  ledger: { counts: through(({ ledger }) => ledger.counts) },
  erasure: { erase: (erased) => through(({ erasure }) => erasure.erase(erased)) },
  origin: {
    read: through(({ origin }) => origin.read),
    bind: (store) => through(({ origin }) => origin.bind(store)),
    restart: (to) => through(({ origin }) => origin.restart(to))
  },
  aggregates: {
    status,
    rebuild: through(({ aggregates }) => aggregates.rebuild),
    check: through(({ aggregates }) => aggregates.check)
  },
  copier: {
    copyTo: (file) =>
      Effect.mapError(
        through(({ copier }) => copier.copyTo(file)),
        unopened
      ),
    moveCursor: (file, cursor) =>
      Effect.mapError(
        through(({ copier }) => copier.moveCursor(file, cursor)),
        unopened
      )
  }
})
