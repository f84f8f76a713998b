import { BrokenInput, type InputRecord, MAX_RECORD_CHARACTERS, type Position, type RecordParser } from "./Record.ts"
import type { PlainRows } from "./plainCsv.ts"
import type { Chunk } from "./source.ts"
import { textOf } from "./utf8Text.ts"

/** The records of one chunk, and where the file may be read on from once they are safe. */
export interface Slice {
  /** The records in a form that needs no parsing, where the chunk allows it. */
  readonly plain: PlainRows | undefined
  readonly records: () => ReadonlyArray<InputRecord>
  /** Bytes of the inflated file before the first record that is not in this slice or an earlier one. */
  readonly offset: number
  readonly position: Position
  readonly readBytes: number
}

interface SliceOptions {
  readonly chunks: AsyncIterable<Chunk>
  readonly parserAt: (position: Position) => RecordParser
  readonly from: Position
  readonly offset: number
  /** Of whole lines that begin with a record. */
  readonly readPlain: (lines: Buffer, position: Position) => PlainRows | undefined
}

const LINE_FEED = 10

/** Memory is bounded by one chunk and one record. Chunks are cut at line feeds, so no character is ever split. */
export async function* slicesOf(options: SliceOptions): AsyncGenerator<Slice, void, undefined> {
  const parser = options.parserAt(options.from)
  let carry: Buffer = Buffer.alloc(0)
  let pushed = options.offset
  let readBytes = options.offset
  for await (const chunk of options.chunks) {
    readBytes = chunk.readBytes
    const bytes = carry.length === 0 ? chunk.bytes : Buffer.concat([carry, chunk.bytes])
    const cut = bytes.lastIndexOf(LINE_FEED) + 1
    carry = bytes.subarray(cut)
    if (carry.length > MAX_RECORD_CHARACTERS) {
      throw new BrokenInput(parser.position().lines + 1, "a line of more than 1 MiB")
    }
    if (cut === 0) continue
    pushed += cut
    const content = contentOf(parser, bytes.subarray(0, cut), options)
    yield { ...content, offset: pushed - parser.restBytes(), position: parser.position(), readBytes }
  }
  const tail = [...parser.push(textOf(carry)), ...parser.end()]
  const content = { plain: undefined, records: () => tail }
  yield { ...content, offset: pushed + carry.length, position: parser.position(), readBytes }
}

const contentOf = (
  parser: RecordParser,
  lines: Buffer,
  { parserAt, readPlain }: SliceOptions
): Pick<Slice, "plain" | "records"> => {
  const before = parser.position()
  const plain = before.lines > 0 && parser.restBytes() === 0 ? readPlain(lines, before) : undefined
  if (plain !== undefined) {
    parser.skip(plain.rows)
    return { plain, records: () => parserAt(before).push(textOf(lines)) }
  }
  const records = parser.push(textOf(lines))
  return { plain, records: () => records }
}
