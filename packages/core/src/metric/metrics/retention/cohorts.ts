import { breakdownColumns, groupRows, type Groups, wholeOf, withUserValues } from "../../breakdown/index.ts"
import { matches } from "../../events.ts"
import type { AskContext } from "../../Metric.ts"
import { sql, type SqlText } from "../../SqlText.ts"
import { isWanted, type Plan } from "./plan.ts"

/** `(user_id, anchor, cohort)`: the instant that cells are measured from and the interval that holds it. */
export const cohortsOf = (plan: Plan, context: AskContext): Groups => {
  const { dialect, params } = plan
  if (params.breakdown === undefined) return wholeOf(sql`(${cohortsSql(plan)}) AS entered`)
  const valued =
    params.breakdown_of === "event" ? anchoredSql(plan) : withUserValues(cohortsSql(plan), params, context, dialect)
  return groupRows(valued, { score: sql`COUNT(DISTINCT user_id)`, wanted: params.breakdown_value }, dialect)
}

const startedIn = ({ dialect, ofProject, params, range }: Plan): SqlText => {
  const started = sql`${ofProject} AND ${matches(params.start_event)}`
  // The first event ever is sought over all history.
  return params.mode === "first-ever"
    ? started
    : sql`${started} AND ${dialect.occurredBetween(range.fromMicros, range.untilMicros)}`
}

const cohortsSql = (plan: Plan): SqlText => {
  const { dialect, params, range, source } = plan
  const micros = dialect.occurredAtMicros
  const entries =
    params.mode === "recurring"
      ? sql`SELECT user_id, MIN(${micros}) AS anchor, ${plan.bucket(micros)} AS cohort FROM ${source}
            WHERE ${startedIn(plan)} GROUP BY user_id, 3`
      : sql`SELECT user_id, anchor, ${plan.bucket(sql`anchor`)} AS cohort
            FROM (SELECT user_id, MIN(${micros}) AS anchor FROM ${source} WHERE ${startedIn(plan)} GROUP BY user_id) AS firsts
            WHERE anchor >= ${range.fromMicros}`
  return sql`SELECT user_id, anchor, cohort FROM (${entries}) AS entries WHERE ${isWanted(plan)}`
}

/** The same with the values of the very events. */
const anchoredSql = (plan: Plan): SqlText => {
  const { dialect, params, source } = plan
  const bucket = params.mode === "recurring" ? plan.bucket : plan.everBucket
  const within = params.mode === "recurring" ? sql`user_id, cohort` : sql`user_id`
  return sql`
    SELECT user_id, anchor, cohort, kind, label, amount FROM (
      SELECT *, ROW_NUMBER() OVER (PARTITION BY ${within} ORDER BY anchor, id) AS nth FROM (
        SELECT user_id, event_id AS id, ${dialect.occurredAtMicros} AS anchor, ${bucket(dialect.occurredAtMicros)} AS cohort,
          ${breakdownColumns(params.breakdown, dialect)}
        FROM ${source} WHERE ${startedIn(plan)}
      ) AS starts
    ) AS entries
    WHERE nth = 1 AND ${isWanted(plan)}`
}
