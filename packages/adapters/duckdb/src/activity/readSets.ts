import { type EventTypeOrAny, IDENTIFY, NEVER, type Period, UserSet } from "@millrace/core"
import { Effect } from "effect"
import type { BoundValue, Connection } from "../client.ts"
import { FirstQuarterHours } from "./Aliases.ts"
import type { Bounds } from "./EventTypeSets.ts"

/** The events of one type in one project, or of any. */
interface SetQuestion {
  readonly project_id: string
  readonly eventType: EventTypeOrAny
}

/** `series IN …` with its values; `$1` and `$2`. */
const whereSeries = ({
  eventType,
  project_id
}: SetQuestion): { readonly text: string; readonly values: ReadonlyArray<BoundValue> } => ({
  text: `series IN (SELECT number FROM activity_series WHERE project_id = $1 AND event_type ${eventType === undefined ? "<>" : "="} $2)`,
  values: [project_id, eventType ?? IDENTIFY]
})

export const readUsers = (connection: Connection, project_id: string) =>
  Effect.map(
    connection.rows("SELECT MAX(number) AS highest FROM activity_users WHERE project_id = $1", [project_id]),
    ([row]) => (typeof row?.["highest"] === "number" ? row["highest"] + 1 : 0)
  )

const READ_ALIASES = `
  SELECT merged.number AS alias, known.number AS user_number FROM identities
  JOIN activity_users AS merged ON merged.project_id = identities.project_id AND merged.user_id = identities.anonymous_id
  JOIN activity_users AS known ON known.project_id = identities.project_id AND known.user_id = identities.user_id
  WHERE identities.project_id = $1`

export const readAliases = (connection: Connection, project_id: string) =>
  Effect.map(connection.integers(READ_ALIASES, [project_id]), ([aliases, users]) =>
    Array.from(aliases!, (alias, row) => ({ alias, user: users![row]! }))
  )

export const readBounds = Effect.fnUntraced(function* (connection: Connection, question: SetQuestion) {
  const { text, values } = whereSeries(question)
  const [row] = yield* connection.rows(
    `SELECT MIN(quarter) AS earliest, MAX(quarter) AS latest FROM activity WHERE ${text}`,
    values
  )
  const { earliest, latest } = row ?? {}
  const bounds: Bounds | null = typeof earliest === "number" && typeof latest === "number" ? { earliest, latest } : null
  return bounds
})

export const readFirst = Effect.fnUntraced(function* (connection: Connection, question: SetQuestion, users: number) {
  const { text, values } = whereSeries(question)
  const [numbers, quarterHours] = yield* connection.integers(
    `SELECT user_number, MIN(quarter) AS quarter FROM activity WHERE ${text} GROUP BY user_number`,
    values
  )
  const first = new Int32Array(users).fill(NEVER)
  numbers!.forEach((number, row) => (first[number] = quarterHours![row]!))
  return new FirstQuarterHours(first)
})

/** Bits of one statement's answer, and of the engine's state while it makes them. */
const BYTES_PER_READ = 16 * 1024 * 1024
const WORD_BITS = 32

/** The sets of periods, by ids as they stand in the events. */
export const readPeriods = Effect.fnUntraced(function* (
  connection: Connection,
  question: SetQuestion,
  periods: ReadonlyArray<Period>,
  users: number
) {
  const bits = Math.max(1, Math.ceil(users / WORD_BITS)) * WORD_BITS
  const perRead = Math.max(1, Math.floor(BYTES_PER_READ / (bits / 8)))
  const sets: Array<UserSet> = []
  for (let start = 0; start < periods.length; start += perRead) {
    sets.push(...(yield* readSome(connection, question, periods.slice(start, start + perRead), bits)))
  }
  return sets
})

const readSome = Effect.fnUntraced(function* (
  connection: Connection,
  question: SetQuestion,
  periods: ReadonlyArray<Period>,
  bits: number
) {
  const ranges = periods.flatMap((period, index) =>
    period.map(({ from, until }) => ({ period: index, first: from, until }))
  )
  const { text, values } = whereSeries(question)
  // The highest bit must be a constant for the engine; it is our own count.
  const [indices, masks] = yield* connection.masks(
    `SELECT period, bitstring_agg(user_number, 0, ${bits - 1})::BLOB AS users
     FROM activity JOIN (
       SELECT range.period, unnest(range(range.first, range.until))::INTEGER AS quarter FROM (
         SELECT unnest(from_json($3::JSON, '[{"period":"INTEGER","first":"INTEGER","until":"INTEGER"}]')) AS range
       ) AS ranges
     ) AS quarter_hours ON quarter_hours.quarter = activity.quarter
     WHERE ${text} AND activity.quarter BETWEEN $4 AND $5
     GROUP BY period`,
    [
      ...values,
      JSON.stringify(ranges),
      Math.min(...ranges.map(({ first }) => first)),
      Math.max(...ranges.map(({ until }) => until))
    ]
  )
  const sets = periods.map(() => new UserSet())
  indices.forEach((period, row) => (sets[period] = new UserSet(wordsOf(masks[row]!))))
  return sets
})

/** The engine counts bits from the highest of each byte on. */
const REVERSED = Uint8Array.from({ length: 256 }, (_, byte) => {
  let reversed = 0
  for (let bit = 0; bit < 8; bit++) if ((byte & (1 << bit)) !== 0) reversed |= 0x80 >>> bit
  return reversed
})

const wordsOf = (mask: Uint8Array): Uint32Array => {
  const words = new Uint32Array(mask.length / 4)
  for (let word = 0, at = 0; word < words.length; word++, at += 4) {
    words[word] =
      REVERSED[mask[at]!]! |
      (REVERSED[mask[at + 1]!]! << 8) |
      (REVERSED[mask[at + 2]!]! << 16) |
      (REVERSED[mask[at + 3]!]! << 24)
  }
  return words
}
