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

const double = (value: number | bigint): SqlText => sql`${String(value)}::DOUBLE`
const whole = (value: bigint): SqlText => sql`${String(value)}::HUGEINT`

/** As `sumOf` of the core does it, step by step. */
export const exactSum = (value: SqlText): SqlText => {
  const isSmall = sql`abs(${value}) < ${double(SMALL_BELOW)}`
  const units = sql`trunc(${value} * ${double(SMALL_UNITS)})`
  const small = sql`SUM(CASE WHEN ${isSmall} THEN ${units}::HUGEINT WHEN ${value} IS NOT NULL THEN 0 END)`
  const large = sql`SUM(CASE WHEN ${isSmall} THEN 0 WHEN abs(${value}) < ${double(LARGE_BELOW)}
    THEN (${value} * ${double(LARGE_UNITS)})::HUGEINT WHEN ${value} IS NOT NULL THEN 0 END)`
  const rests = sql`FSUM(CASE WHEN ${isSmall} THEN ${value} - ${units} / ${double(SMALL_UNITS)}
    WHEN abs(${value}) < ${double(LARGE_BELOW)} THEN 0 ELSE ${value} END)`
  const carried = sql`(${large} + ${small} // ${whole(SMALL_PER_LARGE)})`
  return sql`(
    (${carried} // ${whole(LOW_PART)})::DOUBLE * ${double(LOW_PART)} / ${double(LARGE_UNITS)}
    + (${carried} % ${whole(LOW_PART)})::DOUBLE / ${double(LARGE_UNITS)}
    + (${small} % ${whole(SMALL_PER_LARGE)})::DOUBLE / ${double(SMALL_UNITS)}
    + ${rests}
  )`
}
