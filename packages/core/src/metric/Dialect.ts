import type { SqlText } from "./SqlText.ts"

/** A property's value as each of the types that it may have: null where it has another. */
export interface PropertyForms {
  readonly text: SqlText
  /** A double. */
  readonly number: SqlText
  readonly boolean: SqlText
  /** The digits of an integer that no double is, null for all else: what it is compared and told apart by. */
  readonly digits: SqlText
}

/** Forms of a property that a filter asks for. */
export interface FilteredForms extends PropertyForms {
  /** Whether it is there and not JSON null; never null itself. */
  readonly exists: SqlText
}

/**
 * The holes in a metric's SQL that engines fill differently. The table `events` has one row per event with the columns
 * of `Event`; how a column is stored is the adapter's business.
 */
export interface Dialect {
  readonly name: string
  /** Table expression, named `events`: all events, each with the user that it counts as (docs/semantics.md, "Identity"). */
  readonly events: SqlText
  /** `occurred_at` as an integer of UTC microseconds. */
  readonly occurredAtMicros: SqlText
  /** Half-open range test on `occurred_at` in UTC microseconds that the engine can use to skip data. */
  readonly occurredBetween: (fromMicros: number, untilMicros: number) => SqlText
  /** Text as the engine must return it so that its driver hands over every code point. */
  readonly text: (value: SqlText) => SqlText
  /** Integer division that rounds towards minus infinity. */
  readonly floorDiv: (value: SqlText, divisor: number) => SqlText
  /** Integer division of a value that is never negative. */
  readonly wholeDiv: (value: SqlText, divisor: number) => SqlText
  /** `12 × year + month − 1` of an integer of microseconds, read as a UTC date. */
  readonly monthIndex: (micros: SqlText) => SqlText
  /**
   * `occurred_at`'s UTC day as whole days since 1970: what `floorDiv` of it by a day gives, where the engine has a
   * faster way.
   */
  readonly occurredDay: SqlText
  /** A 64-bit integer with one bit set; positions 0–61. */
  readonly bitAt: (position: SqlText) => SqlText
  /** Aggregate: all bits of all rows. */
  readonly bitOr: (value: SqlText) => SqlText
  readonly hasBit: (mask: SqlText, position: SqlText) => SqlText
  /** A double, whatever its size, as a bound value. */
  readonly double: (value: number) => SqlText
  /** The text of an event's top-level property; null where it is missing or anything but text. */
  readonly propertyText: (name: string) => SqlText
  /** A property's number as a double; null where it is missing or no number. */
  readonly propertyNumber: (name: string) => SqlText
  /** True or false; null where the property is missing or neither. */
  readonly propertyBoolean: (name: string) => SqlText
  /** {@link PropertyForms.digits} of a property. */
  readonly propertyDigits: (name: string) => SqlText
  /**
   * An expression over properties, in the order of their names, each of which is read once for a row however often
   * `use` has it.
   */
  readonly readTogether: (
    names: ReadonlyArray<string>,
    use: (forms: ReadonlyArray<FilteredForms>) => SqlText
  ) => SqlText
  /**
   * Whether a value is one of at least one, in a time and a room that hardly grow with them; may be null where it is
   * null.
   */
  readonly isAmongTexts: (value: SqlText, texts: ReadonlyArray<string>) => SqlText
  readonly isAmongNumbers: (value: SqlText, numbers: ReadonlyArray<number>) => SqlText
  /** A property's value as one text, null where it is missing: what rows can be grouped by before it is read. */
  readonly propertyCode: (name: string) => SqlText
  /** What {@link Dialect.propertyCode} of this property, in a column, stands for. */
  readonly decoded: (name: string, code: SqlText) => PropertyForms
  /** Of such a code: the same for all that stand for equal values, as `1` and `1.0` do, and still a code. */
  readonly canonicalCode: (name: string, code: SqlText) => SqlText
  /** Whether a property is there and not JSON null; never null itself. */
  readonly propertyExists: (name: string) => SqlText
  /** Whether a text holds another one, by code points. */
  readonly containsText: (value: SqlText, part: string) => SqlText
  /** Aggregate over doubles: `sumOf` of them (exactSum.ts), to the digit; null over nothing. */
  readonly sumOfDoubles: (value: SqlText) => SqlText
  /** A double divided by a count, as doubles are; null over none. */
  readonly over: (value: SqlText, count: SqlText) => SqlText
  /** A double, or null where it is infinite or no number. */
  readonly finite: (value: SqlText) => SqlText
  /** Aggregate: the least value that at least so many percent of the values do not exceed; null over nothing. */
  readonly percentile: (value: SqlText, percent: number) => SqlText
  /** Aggregate: the middle value of integers, or the mean of the two in the middle; null over nothing. */
  readonly median: (value: SqlText) => SqlText
  /** Aggregate: the value, of the rows where it is not null, that stands beside the greatest integer; null over nothing. */
  readonly valueOfGreatest: (value: SqlText, integer: SqlText) => SqlText
  /** A list of one value; one more at its end; whether it holds a value, never null itself. */
  readonly listOf: (value: SqlText) => SqlText
  readonly listAppended: (list: SqlText, value: SqlText) => SqlText
  readonly listHolds: (list: SqlText, value: SqlText) => SqlText
  /**
   * What stands behind FROM: each row of `left` with the row of `right` of the same `user_id` that has the least `t`
   * which is not before the left's time, or with nulls.
   */
  readonly withNext: (left: Waiting, right: Coming) => SqlText
}

/** Rows that look for what comes next. */
interface Waiting {
  /** A table expression, which is named `name`; it has a `user_id`. */
  readonly rows: SqlText
  readonly name: SqlText
  /** An integer, never null, of a row of that name. */
  readonly time: SqlText
}

/** Rows of which one is looked for: `user_id`, `t` and others. */
export interface Coming {
  readonly rows: SqlText
  readonly name: SqlText
  /** What is read of them, none ever null; of one user's rows the later has no less of any. */
  readonly columns: ReadonlyArray<"t" | "pos">
}
