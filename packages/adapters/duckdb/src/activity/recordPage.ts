import type { RawRow } from "@millrace/core"
import { Effect } from "effect"
import type { Connection } from "../client.ts"
import type { Alias } from "./Aliases.ts"
import type { Run } from "./EventTypeSets.ts"
import { dropRecorded, FRESH_PAGE, record, WHOLE_PAGE } from "./record.ts"
import type { PageAdditions, SetStore } from "./SetStore.ts"

/** Of the page in the tables `page` and `fresh`, inside its transaction. */
export interface RecordedPage {
  /** Whether every event of the page is new. */
  readonly whole: boolean
  /** Whether its `$identify` events, those in the table `identified`, merged anybody. */
  readonly merged: boolean
}

/**
 * Records a page and adds it to the sets in memory, before the commit: an answer may hold more than its `as_of`
 * promises, never less. The caller forgets the sets if the commit fails.
 */
export const recordPage = Effect.fnUntraced(function* (connection: Connection, store: SetStore, page: RecordedPage) {
  const newcomers = yield* record(connection, page.whole ? WHOLE_PAGE : FRESH_PAGE)
  if (!store.isEmpty) store.add(yield* additionsOf(connection, page.merged, newcomers > 0))
  yield* dropRecorded(connection)
})

const READ_SERIES = `
  SELECT known.number AS series, encode(known.project_id) AS project_id, encode(known.event_type) AS event_type
  FROM activity_series AS known WHERE known.number IN (SELECT series FROM active)`

/** Ordered as they were written. */
const READ_ACTIVE = "SELECT series, quarter, user_number FROM active"

const additionsOf = Effect.fnUntraced(function* (connection: Connection, merged: boolean, newcomers: boolean) {
  const series = yield* connection.rows(READ_SERIES)
  const [numbers, quarterHours, users] = yield* connection.integers(READ_ACTIVE)
  const aliases = merged || newcomers ? yield* readAliases(connection, merged) : new Map<string, ReadonlyArray<Alias>>()
  const additions = new Map<string, { readonly runs: Array<Run>; readonly aliases: ReadonlyArray<Alias> }>()
  const of = (project_id: string) => {
    const found = additions.get(project_id) ?? { runs: [], aliases: aliases.get(project_id) ?? [] }
    additions.set(project_id, found)
    return found
  }
  for (const project_id of aliases.keys()) of(project_id)
  const known = new Map(series.map((row) => [row["series"], row]))
  for (let start = 0; start < numbers!.length;) {
    const end = endOfRun(numbers!, start)
    const row = known.get(numbers![start]!)!
    of(String(row["project_id"])).runs.push({
      event_type: String(row["event_type"]),
      quarterHours: quarterHours!.subarray(start, end),
      users: users!.subarray(start, end)
    })
    start = end
  }
  const page: PageAdditions = additions
  return page
})

const endOfRun = (numbers: Int32Array, start: number): number => {
  let end = start
  while (end < numbers.length && numbers[end] === numbers[start]) end++
  return end
}

const AFFECTED = (merged: boolean) =>
  `(SELECT project_id, user_id FROM newcomers${merged ? " UNION SELECT project_id, anonymous_id FROM identified" : ""})`

/** Merged ids that the page gave a number, or merged. */
const READ_ALIASES = (merged: boolean) => `
  SELECT encode(identities.project_id) AS project_id, merged.number AS alias, known.number AS user_number
  FROM identities
  JOIN ${AFFECTED(merged)} AS affected
    ON affected.project_id = identities.project_id AND affected.user_id = identities.anonymous_id
  JOIN activity_users AS merged ON merged.project_id = identities.project_id AND merged.user_id = identities.anonymous_id
  JOIN activity_users AS known ON known.project_id = identities.project_id AND known.user_id = identities.user_id`

const readAliases = Effect.fnUntraced(function* (connection: Connection, merged: boolean) {
  const rows = yield* connection.rows(READ_ALIASES(merged))
  const byProject = Map.groupBy(rows, (row) => String(row["project_id"]))
  const aliasOf = (row: RawRow): Alias => ({ alias: Number(row["alias"]), user: Number(row["user_number"]) })
  return new Map([...byProject].map(([project_id, found]) => [project_id, found.map(aliasOf)]))
})
