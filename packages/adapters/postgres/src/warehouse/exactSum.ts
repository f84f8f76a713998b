import {
  LARGE_BELOW,
  LARGE_UNITS,
  LOW_PART,
  SMALL_BELOW,
  SMALL_PER_LARGE,
  SMALL_UNITS,
  sql,
  type SqlText
} from "@millrace/core"

const double = (value: number | bigint): SqlText => sql`${String(value)}::float8`
const whole = (value: bigint): SqlText => sql`${String(value)}::numeric`

/** Whole doubles below the square of this are added up in two parts, each of which fits an integer: a cast to numeric would round. */
const PART = 2n ** 50n

const sumOfWhole = (value: SqlText, among: SqlText): SqlText => {
  const high = sql`trunc(${value} / ${double(PART)})`
  const sumOf = (part: SqlText) => sql`COALESCE(SUM((${part})::bigint) FILTER (WHERE ${among}), 0)`
  return sql`(${sumOf(high)} * ${whole(PART)} + ${sumOf(sql`${value} - ${high} * ${double(PART)}`)})`
}

/** As `sumOf` of the core does it, step by step. */
export const exactSum = (value: SqlText): SqlText => {
  const isSmall = sql`(abs(${value}) < ${double(SMALL_BELOW)})`
  const isLarge = sql`(NOT ${isSmall} AND abs(${value}) < ${double(LARGE_BELOW)})`
  const units = sql`trunc(${value} * ${double(SMALL_UNITS)})`
  const small = sumOfWhole(units, isSmall)
  const large = sumOfWhole(sql`(${value} * ${double(LARGE_UNITS)})`, isLarge)
  const rest = sql`${value} - ${units} / ${double(SMALL_UNITS)}`
  const rests = sql`
    compensated_sum(CASE WHEN ${isSmall} THEN ${rest} ELSE ${value} END)
      FILTER (WHERE CASE WHEN ${isSmall} THEN ${rest} <> 0 ELSE NOT ${isLarge} END)`
  const carried = sql`(${large} + div(${small}, ${whole(SMALL_PER_LARGE)}))`
  return sql`(CASE WHEN COUNT(${value}) > 0 THEN
    div(${carried}, ${whole(LOW_PART)})::float8 * ${double(LOW_PART)} / ${double(LARGE_UNITS)}
    + mod(${carried}, ${whole(LOW_PART)})::float8 / ${double(LARGE_UNITS)}
    + mod(${small}, ${whole(SMALL_PER_LARGE)})::float8 / ${double(SMALL_UNITS)}
    + COALESCE(${rests}, 0) END)`
}
