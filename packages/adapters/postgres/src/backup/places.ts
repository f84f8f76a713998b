import type { ByProject } from "@millrace/core"

/**
 * A copy knows no transactions: the numbers of one cluster mean nothing in another. In it the events of all segments are
 * numbered through, in their order; so many of them share one number in place of a transaction's (`n` is 32 bits wide).
 * Those begin at 1, which every cluster has behind it.
 */
const PER_NUMBER = 1_073_741_824

const numbered = (total: string) =>
  `1 + (${total} - 1) / ${PER_NUMBER} AS new_xid, (1 + (${total} - 1) % ${PER_NUMBER})::int AS new_n`

/** Every segment with its place in the copy: `(new_xid, new_n)`, as its `(xid, last_n)`. */
const PLACES = `(
  SELECT *, ${numbered("total")} FROM (SELECT *, sum(accepted) OVER (ORDER BY xid, last_n) AS total FROM segments) AS summed
) AS place`

/** An event stays as far before its segment's end as it was. */
const N = "place.new_n - (place.last_n - entry.n)"

/**
 * By a loop over the segments, whose events lie side by side: OFFSET 0 keeps the planner from a join that would have to
 * compare every event with every segment of its transaction.
 */
const withPlaces = (columns: ReadonlyArray<string>, table: string) => `
  SELECT place.new_xid, ${N}, ${columns.join(", ")} FROM ${PLACES} CROSS JOIN LATERAL (
    SELECT * FROM ${table} WHERE xid = place.xid AND n > place.last_n - place.accepted AND n <= place.last_n
    ORDER BY n OFFSET 0
  ) AS entry`

export const SELECT_EVENTS = withPlaces(
  ["project_id", "event_id", "occurred_at", "user_id", "event_type", "properties", "received_at", "skew_micros"].map(
    (column) => `entry.${column}`
  ),
  "events"
)

export const SELECT_SET_ASIDE = withPlaces(["entry.project_id", "place.new_xid"], "set_aside")

export const SELECT_SEGMENTS = `
  SELECT new_xid, new_n, project_id, accepted, stored, bytes, received_at FROM ${PLACES}`

/** Where a cursor lies in the copy: it stands between two segments, or before those that are left. */
export const PLACE_OF_CURSOR = {
  text: `
    SELECT ${numbered("greatest(total, 1)")}, total FROM (
      SELECT coalesce(sum(accepted), 0) AS total FROM segments WHERE (xid, last_n) <= ($1::xid8, $2::int)
    ) AS passed`
}

/** What the segments say is there; any other number of rows would be a copy with a gap. */
export const EXPECTED_EVENTS = {
  text: "SELECT (SELECT coalesce(sum(stored), 0) FROM segments) - (SELECT count(*) FROM set_aside) AS events"
}

/** Consumed by all appends, freed segments included. */
export const CONSUMED = {
  text: `
    SELECT project_id, sum(accepted) AS accepted FROM (
      SELECT project_id, accepted FROM segments UNION ALL SELECT project_id, accepted FROM freed
    ) AS counted GROUP BY project_id`
}

export const consumedOf = (rows: ReadonlyArray<Readonly<Record<string, unknown>>>): ByProject =>
  Object.fromEntries(rows.map((row) => [String(row["project_id"]), Number(row["accepted"])]))
