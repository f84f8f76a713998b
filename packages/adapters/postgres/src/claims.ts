import {
  type ClaimingWarehouse,
  EventStoreError,
  type StoreClaim,
  type StoreClaims,
  StoreMismatch
} from "@millrace/core"
import { Effect } from "effect"
import type { Connection, Database, Row } from "./client.ts"
import { parseCursor } from "./Cursor.ts"
import { DriverFailure, storeFailed } from "./errors.ts"

/** Which warehouse is filled from here, one at a time, and how far it has come. */
export const makeClaims = (database: Database): StoreClaims["Service"] => ({
  claim: (warehouse, { takeOver }) =>
    database
      .transaction((connection) => claimIn(connection, warehouse, takeOver))
      .pipe(
        Effect.map(({ epoch, store }) => claimOf(database, { ...warehouse, store }, epoch)),
        Effect.mapError(failed)
      ),
  reset: (warehouse) =>
    Effect.flatMap(parseCursor(warehouse.cursor), (cursor) =>
      database.use((connection) => connection.rows(RESET, [warehouse.id, cursor.xid, cursor.n]))
    ).pipe(Effect.asVoid, Effect.mapError(failed)),
  start: database
    .use((connection) => connection.rows(START))
    .pipe(
      Effect.map(([row]) => String(row?.["start"])),
      Effect.mapError(failed)
    ),
  others: (id) =>
    database
      .use((connection) => connection.rows(OTHERS, [id]))
      .pipe(
        Effect.map((rows) => rows.map((row) => String(row["id"]))),
        Effect.mapError(failed)
      ),
  forget: (id) =>
    database.use((connection) => connection.rows(FORGET, [id])).pipe(Effect.asVoid, Effect.mapError(failed))
})

const failed = (cause: DriverFailure | StoreMismatch): EventStoreError =>
  cause instanceof StoreMismatch
    ? new EventStoreError({ operation: "claim", reason: cause })
    : storeFailed("claim")(cause)

const claimOf = (database: Database, warehouse: ClaimingWarehouse & { readonly store: string }, epoch: string) => {
  const check = (connection: Connection, cursor: string) =>
    Effect.gen(function* () {
      const found = yield* look(connection, { ...warehouse, cursor })
      yield* verify(found, { ...warehouse, cursor }, false)
      if (found["epoch"] !== epoch || found["newest_epoch"] !== epoch) {
        const detail = `epoch ${String(found["newest_epoch"])} follows ${epoch}`
        return yield* new StoreMismatch({ problem: "taken_over", detail })
      }
    })
  const claim: StoreClaim = {
    store: warehouse.store,
    check: (cursor) =>
      Effect.mapError(
        database.use((connection) => check(connection, cursor)),
        failed
      ),
    advance: (cursor, to) =>
      Effect.gen(function* () {
        const [from, end] = [yield* parseCursor(cursor), yield* parseCursor(to)]
        yield* database.use((connection) =>
          Effect.gen(function* () {
            const values = [warehouse.id, epoch, warehouse.store, from.xid, from.n, end.xid, end.n]
            const moved = yield* connection.rows(ADVANCE, values)
            if (moved.length > 0) return
            yield* check(connection, cursor)
            yield* Effect.fail(new DriverFailure("the page is not in the store any more"))
          })
        )
      }).pipe(Effect.mapError(failed))
  }
  return claim
}

const claimIn = Effect.fnUntraced(function* (connection: Connection, warehouse: ClaimingWarehouse, takeOver: boolean) {
  yield* connection.rows({ text: "LOCK TABLE warehouses IN EXCLUSIVE MODE" })
  const found = yield* look(connection, warehouse)
  yield* verify(found, warehouse, !takeOver)
  const { n, xid } = yield* parseCursor(warehouse.cursor)
  const [row] = yield* connection.rows(CLAIM, [warehouse.id, xid, n])
  return { epoch: String(row?.["epoch"]), store: String(found["store"]) }
})

const look = (connection: Connection, { cursor, id }: ClaimingWarehouse): Effect.Effect<Row, DriverFailure> =>
  Effect.flatMap(parseCursor(cursor), ({ n, xid }) =>
    Effect.map(connection.rows(LOOK, [id, xid, n]), ([row]) => row ?? {})
  )

/** What was found, against what the warehouse says of itself. */
const verify = (found: Row, warehouse: ClaimingWarehouse, alone: boolean): Effect.Effect<void, StoreMismatch> => {
  const { cursor, id, store } = warehouse
  const at = `the warehouse is at ${cursor === "" ? "its start" : cursor}`
  const mismatch = (problem: StoreMismatch["problem"], detail: string) =>
    Effect.fail(new StoreMismatch({ problem, detail }))
  if (store !== undefined && store !== found["store"]) {
    return mismatch("other_store", `${store} filled it, this one is ${String(found["store"])}`)
  }
  if (alone && found["newest_id"] !== null && found["newest_id"] !== id) {
    const other = `${String(found["newest_id"])} since ${String(found["newest_at"])}`
    return mismatch("other_warehouse", `${other}, this one is ${id}`)
  }
  // It has claimed this very store, which does not know of it any more.
  const isForgotten = store !== undefined && found["epoch"] === null
  if (found["is_ahead"] === true || found["is_beyond"] === true || isForgotten) {
    const known = found["loaded"] === null ? "nothing" : `loads up to ${String(found["loaded"])}`
    return mismatch("store_went_back", `${at}, the store knows of ${known}`)
  }
  return found["is_behind"] === true
    ? mismatch("gap", `${at}, the store begins behind ${String(found["freed"])}`)
    : Effect.void
}

/** `is_beyond`: nothing that is or was here lies at the cursor or behind it. */
const LOOK = {
  name: "look_at_claims",
  text: `
    SELECT state.id AS store, own.epoch::text AS epoch, newest.epoch::text AS newest_epoch, newest.id AS newest_id,
      newest.claimed_at::text AS newest_at,
      own.loaded_xid::text || '-' || own.loaded_n AS loaded,
      state.freed_xid::text || '-' || state.freed_n AS freed,
      ($2::xid8, $3::int) > (own.loaded_xid, own.loaded_n) AS is_ahead,
      ($2::xid8, $3::int) < (state.freed_xid, state.freed_n) AS is_behind,
      $2::xid8 <> '0'::xid8
        AND NOT EXISTS (SELECT FROM segments WHERE (xid, last_n) >= ($2::xid8, $3::int))
        AND coalesce((state.freed_xid, state.freed_n) < ($2::xid8, $3::int), NOT EXISTS (SELECT FROM freed)) AS is_beyond
    FROM store_state AS state
    LEFT JOIN warehouses AS own ON own.id = $1
    LEFT JOIN LATERAL (SELECT * FROM warehouses ORDER BY epoch DESC LIMIT 1) AS newest ON true`
}

/** Where it is known, it has come no further than is noted. */
const CLAIM = {
  name: "claim_store",
  text: `
    INSERT INTO warehouses (id, epoch, loaded_xid, loaded_n)
    SELECT $1, coalesce(max(epoch), 0) + 1, $2::xid8, $3::int FROM warehouses
    ON CONFLICT (id) DO UPDATE SET epoch = excluded.epoch, claimed_at = now()
    RETURNING epoch::text`
}

const RESET = {
  name: "reset_claim",
  text: "UPDATE warehouses SET loaded_xid = $2::xid8, loaded_n = $3::int WHERE id = $1"
}

/** Only where the page lies here: it may have been read from a server that has since been replaced by one that lacks it. */
const ADVANCE = {
  name: "advance_claim",
  text: `
    UPDATE warehouses SET loaded_xid = $6::xid8, loaded_n = $7::int
    WHERE id = $1 AND epoch = $2::bigint AND epoch = (SELECT max(epoch) FROM warehouses)
      AND (SELECT id FROM store_state) = $3
      AND (loaded_xid, loaded_n) >= ($4::xid8, $5::int)
      AND EXISTS (SELECT FROM segments WHERE xid = $6::xid8 AND last_n = $7::int)
    RETURNING 1`
}

const START = { text: "SELECT coalesce(freed_xid::text || '-' || freed_n, '') AS start FROM store_state" }
const FORGET = { text: "DELETE FROM warehouses WHERE id = $1" }
const OTHERS = { text: "SELECT id FROM warehouses WHERE id <> $1 ORDER BY epoch" }
