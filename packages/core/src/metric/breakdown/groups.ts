import type { Dialect } from "../Dialect.ts"
import { matches } from "../events.ts"
import type { Field } from "../filter/index.ts"
import type { AskContext } from "../Metric.ts"
import { eventsOf, type WithFilter } from "../source.ts"
import { sql, type SqlText } from "../SqlText.ts"
import {
  breakdownCode,
  breakdownColumns,
  canonicalCode,
  decodedColumns,
  hasValue,
  isValue,
  KIND,
  PLACE
} from "./columns.ts"
import { BREAKDOWN_MAX, type BreakdownValue, type WithBreakdown, NONE } from "./values.ts"

/**
 * Rows to count, and the same query over them with and without a breakdown: with one, `place` numbers the value that a
 * row belongs to, and stands wherever the metric groups.
 */
export interface Groups {
  /** What stands behind FROM. */
  readonly source: SqlText
  /** First in SELECT, GROUP BY, PARTITION BY and USING: `place` and a comma, or nothing. */
  readonly key: SqlText
  /** The same where nothing follows: `PARTITION BY place` and `GROUP BY place`, or nothing. */
  readonly partition: SqlText
  readonly grouped: SqlText
  /** In the place of `key` for rows that belong to all values. */
  readonly everyKey: SqlText
  /** `rows`, a whole query over `source`, where there is a breakdown with what says which value a place is. */
  readonly answer: (rows: SqlText) => SqlText
  /** `rows`, a whole query that gives `user_id` behind `key`; where there is a breakdown those of one value. */
  readonly usersOf: (value: BreakdownValue | undefined, rows: SqlText) => SqlText
}

/** Score by which values are ranked. */
interface Ranking {
  /** Rows that rank; values without any have no place in the answer. Absent: all rows. */
  readonly among?: SqlText
  /** An aggregate over the rows. */
  readonly score: SqlText
  /** The one value that is asked about: it is told apart, whatever its rank. */
  readonly wanted?: BreakdownValue | undefined
}

/** All rows together. */
export const wholeOf = (source: SqlText): Groups => ({
  source,
  key: sql``,
  partition: sql``,
  grouped: sql``,
  everyKey: sql``,
  answer: (rows) => rows,
  usersOf: (_value, rows) => rows
})

/** Groups the rows of `valued`, a query that gives `(kind, label, amount)` among others. */
export const groupRows = (valued: SqlText, ranking: Ranking, dialect: Dialect): Groups =>
  groupPlaced(tablesSql(valued, ranking, dialect), dialect)

/** `tables`: `placed`, the rows with their `place`, and `named`, what each place stands for. */
const groupPlaced = (placed: SqlText, dialect: Dialect): Groups => {
  const tables = (rows: SqlText) => sql`WITH ${placed}, answered AS (${rows})`
  return {
    source: sql`placed`,
    key: sql`place, `,
    partition: sql`PARTITION BY place`,
    grouped: sql`GROUP BY place`,
    everyKey: sql`NULL AS place, `,
    answer: (rows) => sql`
      ${tables(rows)}
      SELECT answered.*, named.kind, ${dialect.text(sql`named.label`)} AS label, named.amount
      FROM answered LEFT JOIN named ON answered.place = named.place
      WHERE answered.place IS NULL OR named.place IS NOT NULL`,
    usersOf: (value, rows) => sql`
      ${tables(rows)}
      SELECT user_id FROM answered
      WHERE answered.place IN (SELECT place FROM named WHERE ${isValue(value ?? NONE, dialect)})`
  }
}

const ALL = sql`1 = 1`

const tablesSql = (valued: SqlText, { among = ALL, score, wanted }: Ranking, dialect: Dialect) => sql`
    valued AS (${valued}),
    scored AS (SELECT kind, label, amount, ${score} AS score FROM valued WHERE ${among} GROUP BY kind, label, amount),
    ${rankedSql(wanted, dialect)},
    placed AS (
      SELECT valued.*, CASE WHEN valued.kind = ${KIND.none} THEN ${PLACE.none} ELSE COALESCE(ranked.place, ${PLACE.other}) END AS place
      FROM valued
      LEFT JOIN ranked ON valued.kind = ranked.kind AND valued.label = ranked.label AND valued.amount = ranked.amount
    )`

/** The values that are told apart, and one row a place, those that are not included where any value belongs there. */
const rankedSql = (wanted: BreakdownValue | undefined, dialect: Dialect) => sql`
    ranked AS (
      SELECT *, ROW_NUMBER() OVER (
        ORDER BY ${wanted === undefined ? sql`` : sql`CASE WHEN ${hasValue(wanted, dialect)} THEN 0 ELSE 1 END,`} score DESC NULLS LAST, kind, amount, label
      ) AS place
      FROM scored WHERE kind IN (${KIND.boolean}, ${KIND.number}, ${KIND.text})
      ORDER BY place
      LIMIT ${BREAKDOWN_MAX}
    ), named AS (
  SELECT kind, label, amount, place FROM ranked
  UNION ALL
  SELECT kind, '' AS label, 0 AS amount, CASE kind WHEN ${KIND.none} THEN ${PLACE.none} ELSE ${PLACE.other} END AS place
  FROM (
    SELECT DISTINCT CASE scored.kind WHEN ${KIND.none} THEN ${KIND.none} ELSE ${KIND.other} END AS kind
    FROM scored
    LEFT JOIN ranked ON scored.kind = ranked.kind AND scored.label = ranked.label AND scored.amount = ranked.amount
    WHERE ranked.place IS NULL
  ) AS rest
)`

/** Rows of `events`, one for each that a metric counts. */
interface Counted extends Ranking {
  /** The SELECT list; holds `user_id`. It may begin with DISTINCT. */
  readonly columns: SqlText
  readonly where: SqlText
}

/** Rows of `events` that are only counted. */
interface Tallied {
  /** One column, named in `name`, that numbers tell apart. */
  readonly column: SqlText
  readonly name: SqlText
  readonly where: SqlText
  readonly among: SqlText
}

/**
 * Groups counts of events, `(name, n)`, by the events' own values. Events are counted before their values are read, so
 * that each value is read once for each number in the column.
 */
export const groupCounts = (
  params: WithFilter & { readonly breakdown: Field },
  { among, column, name, where }: Tallied,
  dialect: Dialect
): Groups => {
  const counts = sql`
    SELECT ${column} AS ${name}, ${breakdownCode(params.breakdown, dialect)} AS code, COUNT(*) AS n
    FROM ${eventsOf(params, dialect)} WHERE ${where} GROUP BY 1, 2`
  const valued = sql`
    SELECT ${name}, n, ${decodedColumns(params.breakdown, sql`code`, dialect)} FROM (${counts}) AS counts`
  return groupRows(valued, { among, score: sql`SUM(n)` }, dialect)
}

/**
 * As {@link groupRows}, over rows with one text `code` for each value: a value is read once, not once an event, and rows
 * find their place by one text.
 */
const groupCoded = (coded: SqlText, ranking: Ranking, field: Field, dialect: Dialect): Groups => {
  const { among = ALL, score, wanted } = ranking
  const decoded = decodedColumns(field, sql`code`, dialect)
  return groupPlaced(
    sql`
    coded AS (${coded}),
    scored AS (
      SELECT *, ${decoded} FROM (SELECT code, ${score} AS score FROM coded WHERE ${among} GROUP BY code) AS tallied
    ),
    ${rankedSql(wanted, dialect)},
    known AS (SELECT code FROM scored UNION SELECT code FROM coded WHERE NOT (${among})),
    places AS (
      SELECT code, place FROM ranked
      UNION ALL
      SELECT code, ${PLACE.none} AS place FROM (SELECT code, ${decoded} FROM known) AS decoded WHERE kind = ${KIND.none}
    ),
    placed AS (
      SELECT coded.*, CASE WHEN coded.code IS NULL THEN ${PLACE.none} ELSE COALESCE(places.place, ${PLACE.other}) END AS place
      FROM coded LEFT JOIN places ON coded.code = places.code
    )`,
    dialect
  )
}

/** Groups events, by their own values or by their users'. */
export const groupEvents = (
  params: WithFilter & WithBreakdown,
  { columns, where, ...ranked }: Counted,
  context: AskContext,
  dialect: Dialect
): Groups => {
  const ranking = { ...ranked, wanted: params.breakdown_value }
  const events = eventsOf(params, dialect)
  const found = sql`SELECT ${columns} FROM ${events} WHERE ${where}`
  const { breakdown } = params
  if (breakdown === undefined) return wholeOf(sql`(${found}) AS found`)
  if (params.breakdown_of === "user")
    return groupRows(withUserValues(found, params, context, dialect), ranking, dialect)
  // The code is read in one place: an engine may work out twice what stands twice.
  const read = sql`(SELECT *, ${breakdownCode(breakdown, dialect)} AS raw_code FROM ${events}) AS events`
  const coded = sql`SELECT ${columns}, ${canonicalCode(breakdown, sql`raw_code`, dialect)} AS code FROM ${read} WHERE ${where}`
  return groupCoded(coded, ranking, breakdown, dialect)
}

/** Rows that hold `user_id`, with the columns of their users' values. */
export const withUserValues = (
  rows: SqlText,
  params: WithFilter & WithBreakdown,
  context: AskContext,
  dialect: Dialect
): SqlText => sql`
  SELECT found.*, COALESCE(own.kind, ${KIND.none}) AS kind, COALESCE(own.label, '') AS label,
    COALESCE(own.amount, ${dialect.double(0)}) AS amount
  FROM (${rows}) AS found
  LEFT JOIN (
    SELECT user_id AS owner, kind, label, amount FROM (
      SELECT *, ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY t DESC, id DESC) AS back FROM (
        SELECT user_id, ${dialect.occurredAtMicros} AS t, event_id AS id, ${breakdownColumns(params.breakdown, dialect)}
        FROM ${eventsOf(params, dialect)}
        WHERE project_id = ${context.project_id} AND ${matches(undefined)}
      ) AS valued
      WHERE kind <> ${KIND.none}
    ) AS latest
    WHERE back = 1
  ) AS own ON found.user_id = own.owner`
