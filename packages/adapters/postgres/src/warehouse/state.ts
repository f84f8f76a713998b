import type { ByProject, Watermark, WarehouseCounts, WarehouseOrigin } from "@millrace/core"
import { Effect } from "effect"
import type { Connection, Row } from "../client.ts"

/** What the warehouse's one row says. */
export interface State extends Watermark {
  readonly id: string
  readonly store: string | undefined
  /** All of the store is loaded once more: what is here already is counted as stored. */
  readonly reloading: boolean
}

/** In a transaction: nobody else loads, erases or restarts until it ends. */
export const lockState = (connection: Connection) => Effect.map(connection.rows(LOCK_STATE), stateOf)

export const readState = (connection: Connection) => Effect.map(connection.rows(READ_STATE), stateOf)

const READ_STATE = { text: "SELECT cursor, as_of, id, store, reloading FROM watermark" }
const LOCK_STATE = { text: `${READ_STATE.text} FOR UPDATE` }

const stateOf = ([row]: ReadonlyArray<Row>): State => ({
  cursor: String(row?.["cursor"]),
  as_of: Number(row?.["as_of"]),
  id: String(row?.["id"]),
  store: typeof row?.["store"] === "string" ? row["store"] : undefined,
  reloading: row?.["reloading"] === true
})

/** What a page adds to a project's counts. */
export interface Counted {
  readonly stored: number
  readonly duplicates: number
  readonly lost: number
}

export const addCounts = (connection: Connection, counts: ReadonlyMap<string, Counted>) => {
  const all = [...counts].toSorted(([one], [other]) => (one < other ? -1 : 1))
  return all.length === 0
    ? Effect.void
    : connection.rows(ADD_COUNTS, [
        all.map(([project_id]) => project_id),
        all.map(([, { stored }]) => stored),
        all.map(([, { duplicates }]) => duplicates),
        all.map(([, { lost }]) => lost)
      ])
}

const ADD_COUNTS = {
  text: `
    INSERT INTO counts AS known (project_id, stored, duplicates, lost)
    SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[])
    ON CONFLICT (project_id) DO UPDATE SET stored = known.stored + excluded.stored,
      duplicates = known.duplicates + excluded.duplicates, lost = known.lost + excluded.lost`
}

export const moveWatermark = (connection: Connection, cursor: string, as_of: number | undefined) =>
  connection.rows(MOVE, [cursor, as_of ?? null])

/** What was true of an instant stays so. Where one is given, the store's end was reached: what comes from now on is new. */
const MOVE = {
  text: `
    UPDATE watermark SET cursor = $1, as_of = greatest($2::bigint, as_of),
      reloading = reloading AND $2::bigint IS NULL`
}

/** One statement, so one snapshot. */
export const readCounts = (connection: Connection) =>
  Effect.map(connection.rows(READ_COUNTS), (rows): WarehouseCounts => {
    const known = rows.filter((row) => row["project_id"] !== null)
    const by = (column: string): ByProject =>
      Object.fromEntries(known.map((row) => [String(row["project_id"]), Number(row[column])]))
    return { cursor: String(rows[0]?.["cursor"]), stored: by("stored"), duplicates: by("duplicates"), lost: by("lost") }
  })

const READ_COUNTS = {
  text: "SELECT cursor, project_id, stored, duplicates, lost FROM watermark LEFT JOIN counts ON true"
}

export const bindStore = (connection: Connection, store: string | undefined) =>
  Effect.asVoid(connection.rows({ text: "UPDATE watermark SET store = $1" }, [store ?? null]))

type Restart = Parameters<WarehouseOrigin["Service"]["restart"]>[0]

/** The next page is another one than that behind the last; what was counted goes with it. */
export const restart = Effect.fnUntraced(function* (connection: Connection, { counted, cursor, lost = {} }: Restart) {
  yield* lockState(connection)
  if (counted !== undefined) yield* connection.rows({ text: "DELETE FROM counts" })
  const projects = new Set([...Object.keys(counted ?? {}), ...Object.keys(lost)])
  const given = [...projects].map((project_id) => {
    const counts: Counted = { stored: counted?.[project_id] ?? 0, duplicates: 0, lost: lost[project_id] ?? 0 }
    return [project_id, counts] as const
  })
  yield* addCounts(connection, new Map(given))
  yield* connection.rows({ text: "UPDATE watermark SET cursor = $1, as_of = 0, reloading = $2" }, [
    cursor,
    counted !== undefined
  ])
})
