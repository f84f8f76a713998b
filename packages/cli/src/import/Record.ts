/**
 * One record of an input file. `line` is the physical line it starts on, `row` its number among the records; both from
 * 1.
 */
export type InputRecord =
  | { readonly _tag: "Cells"; readonly line: number; readonly row: number; readonly cells: ReadonlyArray<string> }
  | { readonly _tag: "Object"; readonly line: number; readonly row: number; readonly value: unknown }
  | {
      readonly _tag: "Broken"
      readonly line: number
      readonly row: number
      readonly problem: string
      readonly text: string
    }

/**
 * Turns text into records, chunk by chunk. `push` returns the records that are complete and keeps the rest;
 * `restBytes` is how much of what was pushed it still keeps. Throws {@link BrokenInput}.
 */
export interface RecordParser {
  readonly push: (text: string) => ReadonlyArray<InputRecord>
  readonly end: () => ReadonlyArray<InputRecord>
  readonly restBytes: () => number
  readonly position: () => Position
  /** Counts records of one line each that were read elsewhere; only while nothing is kept. */
  readonly skip: (records: number) => void
}

/** Where a parser stands between two records: enough to go on from there in a new process. */
export interface Position {
  readonly lines: number
  readonly rows: number
  /** CSV: the column names read from the header; absent before it was read and for NDJSON. */
  readonly columns?: ReadonlyArray<string> | undefined
}

export const START: Position = { lines: 0, rows: 0 }

/** The file cannot be read past this line; everything before it stands. */
export class BrokenInput extends Error {
  override readonly name = "BrokenInput"
  readonly line: number
  constructor(line: number, problem: string) {
    super(`line ${line}: ${problem}`)
    this.line = line
  }
}

/** A longer record is a missing quote or not text; refusing it keeps memory bounded. */
export const MAX_RECORD_CHARACTERS = 1024 * 1024
