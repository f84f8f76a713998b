import type { RawRow } from "../rows.ts"
import type { UserSet } from "./UserSet.ts"

/** A quarter of an hour of UTC: every zone's days and hours begin with one, but for the oldest offsets. */
export const QUARTER_HOUR_MICROS = 900_000_000

/** Half-open, in quarter hours since 1970 UTC. */
export interface QuarterHourRange {
  readonly from: number
  readonly until: number
}

/**
 * One local day, or hour, in time order: more than one range where clocks ran back over midnight, none where the day never
 * was. What an engine keeps sets of.
 */
export type Period = ReadonlyArray<QuarterHourRange>

/** Events of one type; undefined: of any but `$identify`. */
export type EventTypeOrAny = string | undefined

/** A first quarter hour of users who have none. */
export const NEVER = 0x7fffffff

/**
 * Who was active when, in one project at one moment. Users are numbered from 0 on, densely; merged users have one number
 * (docs/semantics.md, "Identity").
 */
export interface Activity {
  /** All numbers lie below. */
  readonly users: number
  /** Of a plan's `periods` alone. */
  readonly active: (eventType: EventTypeOrAny, period: Period) => UserSet
  /**
   * By user number, the quarter hour of the first event ever, or {@link NEVER}; may be longer than `users`. Of a plan's
   * `firsts` alone.
   */
  readonly first: (eventType: EventTypeOrAny) => Int32Array
}

/** Plan of an answer: the sets it needs, and how it is made of them. */
export interface ActivityPlan {
  readonly periods: ReadonlyArray<{ readonly eventType: EventTypeOrAny; readonly periods: ReadonlyArray<Period> }>
  readonly firsts: ReadonlyArray<EventTypeOrAny>
  /** How often, about, `rows` passes through a set from end to end: an engine may find that too often. */
  readonly passes: number
  /** The rows that the metric's SQL would have given. */
  readonly rows: (activity: Activity) => ReadonlyArray<RawRow>
}

/**
 * A question that can be answered from who was active when, whatever else the events hold.
 *
 * **Details**
 *
 * An engine that keeps such sets current may answer from them: it says in which quarter hour the latest event of each of
 * `eventTypes` lies (undefined where there is none), gets the plan, fetches the sets, and hands the plan's rows to `shape`.
 * Without a plan, as for an engine without such sets, there is the metric's SQL.
 */
export interface ActivityQuestion {
  readonly eventTypes: ReadonlyArray<EventTypeOrAny>
  readonly plan: (latest: (eventType: EventTypeOrAny) => number | undefined) => ActivityPlan | undefined
}
