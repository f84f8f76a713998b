import { BadParameter } from "../BadParameter.ts"
import { integerOf, type RawRow } from "../rows.ts"
import { valueOfPlace } from "./columns.ts"
import type { WithBreakdown, BreakdownValue, WithBreakdownValue } from "./values.ts"

/** An answer that is broken down holds no more rows than this. */
const ROWS_MAX = 100_000

/** Throws {@link BadParameter}: how many values there are is known only from the data. */
const checkRows = (values: number, rowsEach: number): void => {
  if (values * rowsEach <= ROWS_MAX) return
  throw new BadParameter({
    field: "breakdown",
    code: "invalid_parameter",
    reason: `gives ${values} × ${rowsEach} rows, more than ${ROWS_MAX}: ask for a shorter range or longer intervals`
  })
}

/** The rows of each part, with the value that it stands for. */
export const rowsOfEach = <Row, Part>(
  parts: ReadonlyArray<readonly [BreakdownValue, Part]>,
  rowsOf: (part: Part) => ReadonlyArray<Row>
): ReadonlyArray<WithBreakdownValue<Row>> =>
  parts.flatMap(([breakdown, part]) => {
    const rows = rowsOf(part)
    checkRows(parts.length, rows.length)
    return rows.map((row) => ({ breakdown, ...row }))
  })

/** Shapes the rows of each place by itself; rows without a place belong to all. */
export const shapeEach = <Row>(
  raw: ReadonlyArray<RawRow>,
  { breakdown }: WithBreakdown,
  shape: (raw: ReadonlyArray<RawRow>) => ReadonlyArray<Row>
): ReadonlyArray<WithBreakdownValue<Row>> => {
  if (breakdown === undefined) return shape(raw) as ReadonlyArray<WithBreakdownValue<Row>>
  const common = raw.filter(({ place }) => place === null)
  const places = [
    ...Map.groupBy(
      raw.filter(({ place }) => place !== null),
      (row) => integerOf(row, "place")
    )
  ].toSorted(([a], [b]) => a - b)
  return rowsOfEach(
    places.map(([place, rows]) => [valueOfPlace(place, rows[0]!), [...rows, ...common]] as const),
    shape
  )
}
