import { csvParser } from "../../src/import/csv.ts"
import { type InputRecord, type Position, START } from "../../src/import/Record.ts"
import { slicesOf } from "../../src/import/runImport.ts"

export interface Parsed {
  readonly columns: ReadonlyArray<string>
  readonly records: ReadonlyArray<InputRecord>
}

/** The importer's own path, from bytes to records, with chunks of `chunkBytes`. */
export const parseCsv = async (
  bytes: Buffer,
  chunkBytes: number,
  options: { readonly delimiter?: string; readonly columns?: ReadonlyArray<string> } = {}
): Promise<Parsed> => {
  const records: Array<InputRecord> = []
  let position: Position = START
  const slices = slicesOf({
    chunks: chunked(bytes, chunkBytes),
    parserAt: (from) => csvParser({ delimiter: options.delimiter ?? ",", columns: options.columns }, from),
    from: START,
    offset: 0,
    readPlain: () => undefined
  })
  for await (const slice of slices) {
    records.push(...slice.records())
    position = slice.position
  }
  return { columns: position.columns ?? [], records }
}

export async function* chunked(bytes: Buffer, chunkBytes: number) {
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    const end = Math.min(at + chunkBytes, bytes.length)
    yield { bytes: bytes.subarray(at, end), readBytes: end }
  }
}

export const cellsOf = (records: ReadonlyArray<InputRecord>): ReadonlyArray<ReadonlyArray<string>> =>
  records.map((record) => {
    if (record._tag !== "Cells") throw new Error(`row ${record.row} is ${record._tag}`)
    return record.cells
  })
