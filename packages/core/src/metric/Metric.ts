import type { RawRow } from "./rows.ts"
import type { Schema } from "effect"
import type { ActivityQuestion } from "./activity/Activity.ts"
import type { Event } from "../event/Event.ts"
import type { Drawing } from "./Drawing.ts"
import type { Dialect } from "./Dialect.ts"
import { eventsIn, type WithFilter } from "./source.ts"
import type { SqlText } from "./SqlText.ts"

/** Context of a question, besides its own parameters. */
export interface AskContext {
  readonly project_id: string
  /** UTC microseconds; decides `complete`. */
  readonly as_of: number
}

/**
 * One metric. `reference` is its definition, pure over an array of one project's events, those that `where` leaves;
 * `sql` + `shape` must give the same rows on every engine. SQL returns flat rows; `shape` fills gaps, adds rates and
 * `complete`.
 */
export interface Metric<Name extends string, Params extends WithFilter, Row> {
  readonly name: Name
  /** One line for a list of commands; by default the description. */
  readonly title?: string
  readonly description: string
  /** What the description leaves open, a sentence or a few each: part of docs/semantics.md and of the OpenAPI document. */
  readonly details?: ReadonlyArray<string>
  /** Decodes from query-string parameters: every encoded field is a string. */
  readonly params: Schema.Codec<Params, Readonly<Record<string, string | undefined>>>
  readonly row: Schema.Codec<Row, unknown>
  /** Throws {@link UnsupportedFeature} where the dialect has no form of it. */
  readonly sql: (params: Params, context: AskContext, dialect: Dialect) => SqlText
  readonly shape: (raw: ReadonlyArray<RawRow>, params: Params, context: AskContext) => ReadonlyArray<Row>
  readonly reference: (events: ReadonlyArray<Event>, params: Params, context: AskContext) => ReadonlyArray<Row>
  /**
   * The question for engines that keep aggregates of who was active when; its rows are those of `sql`. Undefined where
   * the parameters ask for more than that. Every parameter that changes the rows must be heeded here as well.
   */
  readonly activity?: (params: Params) => ActivityQuestion | undefined
  readonly drawn?: Drawing<Params, Row>
}

/** Members of the cells of a metric's answer, asked for as a metric of its own. */
export interface Listing<Name extends string, Params extends WithFilter, Row> extends Metric<Name, Params, Member> {
  /** The numbers of users in a row, each with the parameters that name its cell. */
  readonly cells: (row: Row, rows: ReadonlyArray<Row>) => ReadonlyArray<CountedCell>
  readonly spellings?: Spellings
}

export interface Member {
  readonly user_id: string
}

export interface CountedCell {
  readonly users: number
  readonly cell: Readonly<Record<string, string>>
}

/**
 * Flags by which a command names a cell, one of them at a time, instead of by the parameters: where the metric's own have
 * their names. Each gives `field` its value, and others along with it.
 */
export type Spellings = Readonly<
  Record<string, { readonly field: string; readonly with: Readonly<Record<string, string>>; readonly help: string }>
>

/** A listing, whatever the types of its rows and parameters. */
export interface AnyListing<Name extends string = string, Row = never> {
  readonly name: Name
  readonly params: Schema.Constraint
  readonly cells: (row: Row, rows: ReadonlyArray<Row>) => ReadonlyArray<CountedCell>
  readonly spellings?: Spellings
}

/** A metric as its folder exports it; `members` lists a cell's members, where cells count any. */
export type Definition<Name extends string, Params extends WithFilter, Row, Members> = Metric<Name, Params, Row> & {
  readonly members: Members
}

export const define = <
  const Name extends string,
  Params extends WithFilter,
  Row,
  Members extends AnyListing<`${Name}/users`, Row> | undefined = undefined
>(
  metric: Metric<Name, Params, Row> & { readonly members?: Members }
): Definition<Name, Params, Row, Members> => ({ ...metric, members: metric.members as Members })

/**
 * One metric's question, parameters bound: what a warehouse answers. An engine uses `sql`, or `activity` if it has the
 * aggregates, and `shape`; memory `reference`.
 */
export interface BoundQuestion<Answer> {
  readonly project_id: string
  readonly activity?: (() => ActivityQuestion | undefined) | undefined
  readonly sql: (dialect: Dialect) => SqlText
  readonly shape: (raw: ReadonlyArray<RawRow>) => Answer
  readonly reference: (events: ReadonlyArray<Event>) => Answer
}

/** A question that is answered by rows. */
export type Ask<Row> = BoundQuestion<ReadonlyArray<Row>>

export const ask = <Name extends string, Params extends WithFilter, Row>(
  metric: Metric<Name, Params, Row>,
  params: Params,
  context: AskContext
): Ask<Row> => ({
  project_id: context.project_id,
  activity: metric.activity && (() => metric.activity?.(params)),
  sql: (dialect) => metric.sql(params, context, dialect),
  shape: (raw) => metric.shape(raw, params, context),
  reference: (events) => metric.reference(eventsIn(events, params), params, context)
})

/** Thrown by a dialect; an adapter turns it into its `Unsupported` reason. */
export class UnsupportedFeature extends Error {
  readonly feature: string
  constructor(feature: string) {
    super(`this engine does not support ${feature}`)
    this.feature = feature
  }
}
