import { createHash } from "node:crypto"
import { accessSync, constants } from "node:fs"
import { basename, dirname, join } from "node:path"
import { Clock, Console, Effect, Option } from "effect"
import { Command } from "effect/cli"
import { CliFailure } from "../CliFailure.ts"
import { type Place, placeOf } from "./flags.ts"
import { csvOptionsOf, importFlags, mappingOf } from "./importOptions.ts"
import { readLedger } from "./ledger.ts"
import { makeProgress } from "../import/Progress.ts"
import { type Position, START } from "../import/Record.ts"
import { RejectsFile } from "../import/RejectsFile.ts"
import type { Sink } from "../import/Sink.ts"
import { csvParser } from "../import/csv.ts"
import { folderSink } from "../import/folderSink.ts"
import { httpSink } from "../import/httpSink.ts"
import { type ImportState, readState } from "../import/importState.ts"
import { mapCells, mapObject, planOf } from "../import/mapping.ts"
import { ndjsonParser } from "../import/ndjson.ts"
import { plainReader } from "../import/plainCsv.ts"
import { type Mapper, runImport } from "../import/runImport.ts"
import { chunksOf, type InputFile, openInput } from "../import/source.ts"
import { IMPORT_NAMESPACE, uuid5Maker } from "../import/uuid5.ts"
import { grouped, table } from "../render/table.ts"
import { get, httpTarget } from "../target/Target.ts"
import { makeFolder, openFolderServices } from "../target/folder.ts"

type ImportFlags = Command.Command.Config.Infer<typeof importFlags>

const attempt = <A>(work: () => A): Effect.Effect<A, CliFailure> =>
  Effect.try({
    try: work,
    catch: (error) => (error instanceof CliFailure ? error : new CliFailure({ message: String(error) }))
  })

const isNdjson = (flags: ImportFlags, file: InputFile): boolean =>
  Option.match(flags.format, {
    onNone: () => /\.(?:ndjson|jsonl)$/iu.test(file.name),
    onSome: (format) => format === "ndjson"
  })

/** Beside the file where that can be written, else in the working directory. */
const besides = (file: InputFile, suffix: string): string => {
  if (file.path === "-") return `${file.name}${suffix}`
  try {
    accessSync(dirname(file.path), constants.W_OK)
    return `${file.path}${suffix}`
  } catch {
    return `${basename(file.path)}${suffix}`
  }
}

/** In the folder when there is one, so that a deleted folder takes the memory of having been filled with it. */
const statePathOf = (file: InputFile, place: Place, fingerprint: string): string =>
  place._tag === "Folder"
    ? join(place.directory, "imports", `${fingerprint.slice(0, 16)}.json`)
    : besides(file, ".millrace-import.json")

const fingerprintOf = (flags: ImportFlags, file: InputFile, place: Place, source: string): string | undefined => {
  if (file.fingerprint === undefined) return undefined
  const {
    json: _json,
    key: _key,
    rejects: _rejects,
    restart: _restart,
    file: _file,
    data: _data,
    url: _url,
    ...mapping
  } = flags
  const target = place._tag === "Folder" ? "" : place.url
  return createHash("sha256")
    .update(JSON.stringify([file.fingerprint, mapping, target, source]))
    .digest("hex")
}

/** A server that has accepted less than an interrupted run sent is not the server that run spoke to. */
const serverKnows = (place: Place, accepted: number) =>
  Effect.gen(function* () {
    if (place._tag === "Folder") return true
    return (yield* readLedger(httpTarget(place))).accepted >= accepted
  })

const resumeFrom = Effect.fnUntraced(function* (
  restart: boolean,
  place: Place,
  path: string,
  fingerprint: string | undefined
) {
  if (restart || fingerprint === undefined) return Option.none()
  const state = readState(path, fingerprint)
  if (Option.isSome(state) && !(yield* serverKnows(place, state.value.accepted))) return Option.none()
  return state
})

type From = ImportState | undefined

/** Where an earlier run of the same import stopped. */
const placeInFile = Effect.fnUntraced(function* (flags: ImportFlags, place: Place, file: InputFile, source: string) {
  const fingerprint = fingerprintOf(flags, file, place, source)
  const path = statePathOf(file, place, fingerprint ?? "")
  if (place._tag === "Server") yield* get(httpTarget(place), "/livez")
  const from: From = Option.getOrUndefined(yield* resumeFrom(flags.restart, place, path, fingerprint))
  if (from !== undefined) yield* Console.error(`going on after row ${from.rows} (--restart starts at the first)`)
  return { from, state: fingerprint === undefined ? undefined : { path, fingerprint } }
})

/** How the file is read, by its format. */
const reading = Effect.fnUntraced(function* (flags: ImportFlags, file: InputFile, source: string) {
  const ndjson = isNdjson(flags, file)
  const csv = yield* csvOptionsOf(flags)
  const nameRow = uuid5Maker(IMPORT_NAMESPACE, `${source}\u0000`)
  const mapping = yield* mappingOf(flags, !ndjson, (row) => nameRow(String(row)))
  const ofCsv = (columns: ReadonlyArray<string>): Mapper => ({
    mapRecord: mapCells(columns, mapping),
    readPlain: plainReader(columns, csv.delimiter, planOf(columns, mapping), mapping)
  })
  return ndjson
    ? { parserAt: ndjsonParser, mapper: (): Mapper => ({ mapRecord: mapObject(mapping), readPlain: undefined }) }
    : {
        parserAt: (position: Position) => csvParser(csv, position),
        mapper: ({ columns }: Position) => ofCsv(columns ?? [])
      }
})

const openRejects = (flags: ImportFlags, file: InputFile, from: From) =>
  attempt(() => {
    const path = Option.getOrElse(flags.rejects, () => besides(file, ".rejects.ndjson"))
    return new RejectsFile(path, from?.rejectsBytes ?? 0)
  })

const progressOf = (file: InputFile, from: From) =>
  makeProgress({
    totalBytes: file.size,
    skippedBytes: file.gzip ? 0 : (from?.offset ?? 0),
    skippedRows: from?.rows ?? 0,
    terminal: process.stderr.isTTY,
    width: process.stderr.columns ?? 80,
    write: (text) => process.stderr.write(text)
  })

const importFile = Effect.fnUntraced(function* <R>(
  flags: ImportFlags,
  place: Place,
  file: InputFile,
  makeSink: Effect.Effect<Sink, CliFailure, R>
) {
  const source = Option.getOrElse(flags.source, () => file.name)
  const { mapper, parserAt } = yield* reading(flags, file, source)
  const { from, state } = yield* placeInFile(flags, place, file, source)
  const rejects = yield* openRejects(flags, file, from)
  const sink = yield* makeSink
  const progress = yield* progressOf(file, from)
  const startedAt = yield* Clock.currentTimeMillis
  const counts = yield* runImport({
    chunks: chunksOf(file, from?.offset ?? 0),
    parserAt,
    mapper,
    sink,
    rejects,
    from: from ?? { ...START, offset: 0, accepted: 0, rejected: 0 },
    state,
    onProgress: progress.update
  }).pipe(Effect.ensuring(progress.end))
  const settled = yield* sink.finish
  const seconds = ((yield* Clock.currentTimeMillis) - startedAt) / 1000
  const resumed_after = from?.rows ?? 0
  const summary: Summary = {
    rows: counts.rows,
    accepted: counts.accepted,
    rejected: counts.rejected,
    resumed_after,
    stored: settled?.stored,
    duplicates: settled?.duplicates,
    seconds,
    rows_per_second: seconds > 0 ? Math.round((counts.rows - resumed_after) / seconds) : 0,
    rejects_file: counts.rejected > 0 ? rejects.path : undefined
  }
  return summary
})

/** Nobody asks meanwhile: fewer and fuller pages, whose rows the warehouse writes once and never moves again. */
const LOAD_INTERVAL_MILLIS = 1_500

const intoFolder = (flags: ImportFlags, place: Place & { readonly _tag: "Folder" }, file: InputFile) =>
  Effect.gen(function* () {
    yield* makeFolder(place.directory)
    const services = yield* openFolderServices(place.directory, { loadIntervalMillis: LOAD_INTERVAL_MILLIS })
    return yield* importFile(flags, place, file, folderSink(place.directory)).pipe(Effect.provideContext(services))
  }).pipe(Effect.scoped)

export const importCommand = Command.make("import", importFlags, (flags) =>
  Effect.gen(function* () {
    const place = yield* placeOf(flags)
    // Before the folder: a mistyped file name leaves no new folder behind.
    const file = yield* attempt(() => openInput(flags.file))
    const summary = yield* place._tag === "Folder"
      ? intoFolder(flags, place, file)
      : importFile(flags, place, file, Effect.succeed(httpSink(httpTarget(place))))
    yield* Console.log(flags.json ? JSON.stringify(summary) : renderSummary(summary).join("\n"))
    if (summary.accepted === 0 && summary.rejected > 0) {
      return yield* new CliFailure({
        message: `no row was accepted; the reasons are in ${summary.rejects_file ?? "the rejects file"}`
      })
    }
  })
).pipe(
  Command.withDescription(
    "Import a history from CSV or NDJSON. Repeating an import adds nothing, an interrupted one goes on where it was"
  ),
  Command.withExamples([
    {
      command:
        "millrace import orders.csv --map user_id=customer_id --map occurred_at=date --event-type-value purchase",
      description: "Into the server on this machine; the other columns become properties"
    },
    {
      command:
        "millrace import log.txt.gz --delimiter whitespace --no-header --columns user_id,to,at --map occurred_at=at --time-format unix --event-type-value message --data ./data",
      description: "Straight into a data folder"
    }
  ])
)

interface Summary {
  readonly rows: number
  readonly accepted: number
  readonly rejected: number
  /** Rows that an interrupted run had made safe. */
  readonly resumed_after: number
  /** New to the store; `undefined` where others may be writing too. */
  readonly stored: number | undefined
  readonly duplicates: number | undefined
  readonly seconds: number
  readonly rows_per_second: number
  readonly rejects_file: string | undefined
}

export const renderSummary = (summary: Summary): ReadonlyArray<string> => {
  const rows: Array<readonly [string, string]> = [
    ["rows", grouped(summary.rows)],
    ["accepted", grouped(summary.accepted)],
    ["rejected", grouped(summary.rejected)]
  ]
  if (summary.stored !== undefined) rows.push(["  new", grouped(summary.stored)])
  if (summary.duplicates !== undefined) rows.push(["  already there", grouped(summary.duplicates)])
  rows.push(["seconds", summary.seconds.toFixed(1)], ["rows/s", grouped(summary.rows_per_second)])
  const lines = table(
    [
      { title: "import", align: "left" },
      { title: "", align: "right" }
    ],
    rows
  )
  const notes: Array<string> = []
  if (summary.resumed_after > 0)
    notes.push(`${grouped(summary.resumed_after)} of these rows were imported before it was interrupted.`)
  if (summary.rejects_file !== undefined)
    notes.push(`Rejected rows with line numbers and reasons: ${summary.rejects_file}`)
  if ((summary.duplicates ?? 0) > 0) {
    notes.push(
      "Rows without event_id are known by source name and row number: another file under the same name needs --source NAME."
    )
  }
  return notes.length === 0 ? lines : [...lines, "", ...notes]
}
