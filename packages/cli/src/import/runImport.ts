import { Clock, Effect, Exit, Stream } from "effect"
import { CliFailure, WrongUsage } from "../CliFailure.ts"
import { BrokenInput, type InputRecord, MAX_RECORD_CHARACTERS, type Position, type RecordParser } from "./Record.ts"
import type { RejectsFile } from "./RejectsFile.ts"
import type { RawEvent, Sink } from "./Sink.ts"
import { type ImportState, removeState, writeState } from "./importState.ts"
import { BadMapping, type Mapped, type MapRecord, type Refused } from "./mapping.ts"
import type { PlainRows, ReadPlain } from "./plainCsv.ts"
import type { Chunk } from "./source.ts"
import { textOf } from "./utf8Text.ts"

export interface ImportJob {
  readonly chunks: AsyncIterable<Chunk>
  readonly parserAt: (position: Position) => RecordParser
  /** Made once the columns are known. Throws `BadMapping`. */
  readonly mapper: (position: Position) => Mapper
  readonly sink: Sink
  readonly rejects: RejectsFile
  readonly from: Position & Pick<ImportState, "offset" | "accepted" | "rejected">
  /** `undefined`: standard input, which cannot be read again. */
  readonly state: { readonly path: string; readonly fingerprint: string } | undefined
  readonly onProgress: (counts: ImportCounts) => Effect.Effect<void>
}

/** How records become events: the rule, and where there is one a shorter way to the same for plain input. */
export interface Mapper {
  readonly mapRecord: MapRecord
  readonly readPlain: ReadPlain | undefined
}

export interface ImportCounts {
  readonly rows: number
  readonly accepted: number
  readonly rejected: number
  readonly readBytes: number
}

/** Slices judged and published at once: the next one is read while these wait for the disk. */
const IN_FLIGHT = 4
const STATE_EVERY_MILLIS = 500

interface Refusal {
  readonly record: InputRecord
  readonly refused: Refused
}

interface Published {
  readonly slice: Slice
  readonly accepted: number
  readonly refusals: ReadonlyArray<Refusal>
}

/** Constant memory: at most {@link IN_FLIGHT} slices are held, and a slice is read only when one of them is done. */
export const runImport = Effect.fn("import")(function* (job: ImportJob) {
  let mapper: Mapper | undefined
  const publish = Effect.fnUntraced(function* (slice: Slice) {
    mapper ??= yield* makeMapper(job, slice)
    return (yield* publishPlain(job, slice)) ?? (yield* publishRecords(job, slice, mapper))
  })
  const settle = yield* settler(job)
  const slices = slicesOf({
    chunks: job.chunks,
    parserAt: job.parserAt,
    from: job.from,
    offset: job.from.offset,
    readPlain: (lines, { rows }) =>
      job.sink.publishPlain === undefined ? undefined : mapper?.readPlain?.(lines, rows + 1)
  })
  const work = Stream.fromAsyncIterable(slices, readFailure).pipe(
    Stream.mapEffect(publish, { concurrency: IN_FLIGHT }),
    Stream.runForEach(settle.one)
  )
  yield* work.pipe(Effect.onExit((exit) => Effect.sync(Exit.isSuccess(exit) ? settle.finish : settle.suspend)))
  return settle.counts()
})

/** Undefined without records: the columns may not be known yet. */
const makeMapper = (job: ImportJob, slice: Slice): Effect.Effect<Mapper | undefined, WrongUsage> =>
  slice.plain === undefined && slice.records().length === 0
    ? Effect.succeed(undefined)
    : Effect.try({ try: () => job.mapper(slice.position), catch: mappingFailure })

/** Undefined, with nothing published, when not every row is plainly valid. */
const publishPlain = Effect.fnUntraced(function* ({ sink }: ImportJob, slice: Slice) {
  if (slice.plain === undefined || sink.publishPlain === undefined) return undefined
  const accepted = yield* sink.publishPlain(slice.plain.body)
  slice.plain.release()
  if (!accepted) return undefined
  const published: Published = { slice, accepted: slice.plain.rows, refusals: [] }
  return published
})

const publishRecords = Effect.fnUntraced(function* (job: ImportJob, slice: Slice, mapper: Mapper | undefined) {
  const nothing: Published = { slice, accepted: 0, refusals: [] }
  if (mapper === undefined) return nothing
  const { raws, records, refusals } = mapAll(slice.records(), mapper.mapRecord)
  const refused = raws.length === 0 ? [] : yield* job.sink.publish(raws)
  for (const { index, ...reason } of refused) refusals.push({ record: records[index]!, refused: reason })
  const published: Published = { slice, accepted: raws.length - refused.length, refusals: inLineOrder(refusals) }
  return published
})

const readFailure = (error: unknown): CliFailure => {
  if (error instanceof CliFailure) return error
  return new CliFailure({ message: error instanceof BrokenInput ? error.message : `reading failed: ${String(error)}` })
}

const mappingFailure = (error: unknown): WrongUsage =>
  new WrongUsage({ message: error instanceof BadMapping ? error.message : String(error) })

const mapAll = (records: ReadonlyArray<InputRecord>, mapRecord: MapRecord) => {
  const raws: Array<RawEvent> = []
  const mapped: Array<InputRecord> = []
  const refusals: Array<Refusal> = []
  for (const record of records) {
    const result: Mapped = mapRecord(record)
    if (result._tag === "Raw") {
      raws.push(result.raw)
      mapped.push(record)
    } else refusals.push({ record, refused: result.refused })
  }
  return { raws, records: mapped, refusals }
}

const inLineOrder = (refusals: ReadonlyArray<Refusal>) => refusals.toSorted((a, b) => a.record.row - b.record.row)

/** Slices come here in file order, each once it is safe: only then may rejects and the state file say so. */
const settler = Effect.fnUntraced(function* (job: ImportJob) {
  let { accepted, rejected } = job.from
  let counts: ImportCounts = { rows: accepted + rejected, accepted, rejected, readBytes: 0 }
  let last: Slice | undefined
  let savedAt = yield* Clock.currentTimeMillis
  const save = (slice: Slice) => {
    if (job.state === undefined) return
    const { columns, lines, rows } = slice.position
    const { fingerprint, path } = job.state
    const place = { offset: slice.offset, lines, rows, ...(columns === undefined ? {} : { columns }) }
    writeState(path, { version: 1, fingerprint, ...place, accepted, rejected, rejectsBytes: job.rejects.bytes })
  }
  const one = Effect.fnUntraced(function* ({ accepted: more, refusals, slice }: Published) {
    accepted += more
    rejected += refusals.length
    job.rejects.write(refusals)
    last = slice
    counts = { rows: accepted + rejected, accepted, rejected, readBytes: slice.readBytes }
    const now = yield* Clock.currentTimeMillis
    if (now - savedAt >= STATE_EVERY_MILLIS) {
      save(slice)
      savedAt = now
    }
    yield* job.onProgress(counts)
  })
  const finish = () => {
    job.rejects.close()
    if (job.state !== undefined) removeState(job.state.path)
  }
  /** Failed or interrupted: the next run goes on from here. */
  const suspend = () => {
    if (last !== undefined) save(last)
    job.rejects.close()
  }
  return { one, finish, suspend, counts: () => counts }
})

/** The records of one chunk, and where the file may be read on from once they are safe. */
interface Slice {
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
