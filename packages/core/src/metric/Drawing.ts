/** One column of the table that a command prints; its form follows from the Schema of the row. */
export interface DrawnColumn<Params, Row> {
  readonly field: keyof Row & string
  /** By default the field's name. */
  readonly title?: string | ((params: Partial<Params>) => string)
  /** Stands in front of the text. */
  readonly before?: string
  /** Stands behind the number: what it is a number of. */
  readonly label?: (row: Row, params: Partial<Params>) => string
  /** As a part of what the block's first row has. */
  readonly ofFirst?: true
}

/** In place of a table: a heat map of one row of cells each, or bars to both sides of a line behind the table. */
export type Shape<Params, Row> =
  | {
      readonly kind: "heat"
      /** Holds the cells: `users`, `rate` and `complete`. */
      readonly cells: keyof Row & string
      /** The number of users that a row's rates are of. */
      readonly size: keyof Row & string
      readonly cellTitle: (index: number, params: Partial<Params>) => string
    }
  | { readonly kind: "sides"; readonly left: Side<Row>; readonly right: Side<Row> }

interface Side<Row> {
  readonly title: string
  readonly fields: ReadonlyArray<keyof Row & string>
}

/**
 * How a command prints an answer, as far as a table of the row's columns is not enough. The parameters are those of the
 * answer, which may come from another version: none is sure to be there.
 */
export interface Drawing<Params, Row> {
  /** What stands above it, before the range; by default the metric's name. */
  readonly heading?: (params: Partial<Params>) => string
  /** In place of a table without rows. */
  readonly nothing?: string
  /** By default all of the row's. */
  readonly columns?: ReadonlyArray<DrawnColumn<Params, Row>>
  /** Drawn as a bar behind its row. */
  readonly bar?: keyof Row & string
  readonly shape?: Shape<Params, Row>
  /** With a breakdown: a table for each value (the default), one column more, or a curve of the bar's numbers for each. */
  readonly breakdown?: "tables" | "column" | "curves"
  readonly isDrawn?: (row: Row) => boolean
  /** What the star on rows that are not complete means. */
  readonly incomplete?: string
}
