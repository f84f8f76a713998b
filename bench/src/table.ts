/** Prints aligned columns; numbers to the right. */
export const printTable = (rows: ReadonlyArray<Readonly<Record<string, string | number>>>): void => {
  const columns = Object.keys(rows[0] ?? {})
  const widths = columns.map((column) => Math.max(column.length, ...rows.map((row) => String(row[column]).length)))
  const line = (cells: ReadonlyArray<string | number>) =>
    cells
      .map((cell, index) =>
        typeof cell === "number" ? String(cell).padStart(widths[index]!) : cell.padEnd(widths[index]!)
      )
      .join("  ")
  console.log(line(columns))
  for (const row of rows) console.log(line(columns.map((column) => row[column]!)))
}

export const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)]!

export const percentile = (values: ReadonlyArray<number>, percent: number): number =>
  values.toSorted((left, right) => left - right)[
    Math.min(values.length - 1, Math.floor((values.length * percent) / 100))
  ]!

export const round = (value: number, digits = 2): number => Number(value.toFixed(digits))
