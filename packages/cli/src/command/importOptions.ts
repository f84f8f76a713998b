import { Effect, Option } from "effect"
import { Argument, Flag } from "effect/cli"
import { WrongUsage } from "../CliFailure.ts"
import { type Field, FIELDS, type MappingOptions } from "../import/mapping.ts"
import { type ReadTime, timeReader } from "../import/timeFormat.ts"
import { place } from "./flags.ts"

const optional = (name: string, metavar: string, description: string) =>
  Flag.String(name).pipe(Flag.optional, Flag.withMetavar(metavar), Flag.withDescription(description))

const off = (name: string, description: string) =>
  Flag.Boolean(name).pipe(Flag.withDefault(false), Flag.withDescription(description))

export const importFlags = {
  file: Argument.String("file").pipe(
    Argument.withDescription("A CSV or NDJSON file, gzip or not; - for standard input")
  ),
  format: Flag.Literals("format", ["csv", "ndjson"]).pipe(
    Flag.optional,
    Flag.withDescription("Default: ndjson for .ndjson and .jsonl, else csv")
  ),
  delimiter: optional(
    "delimiter",
    "CHAR",
    'One character, "tab" or "whitespace" (runs of blanks, no quoting); default: ,'
  ),
  noHeader: off("no-header", "The first line is data; needs --columns"),
  columns: optional("columns", "A,B,C", "Column names of a file without a header"),
  map: Flag.KeyValuePair("map").pipe(
    Flag.withMetavar("FIELD=COLUMN"),
    Flag.withDescription(`Where a field comes from; fields: ${FIELDS.join(", ")}. Columns of those names need none`),
    Flag.withDefault({})
  ),
  eventTypeValue: optional("event-type-value", "TYPE", "The event_type of every row"),
  timeFormat: Flag.String("time-format").pipe(
    Flag.withDefault("rfc3339"),
    Flag.withMetavar("FORMAT"),
    Flag.withDescription("rfc3339, unix, unix-ms, or a pattern like YYYYMMDD or YYYY-MM-DD HH:mm:ss")
  ),
  timeZone: Flag.String("time-zone").pipe(
    Flag.withDefault("UTC"),
    Flag.withMetavar("ZONE"),
    Flag.withDescription("Zone of times that match a pattern, like Europe/Berlin")
  ),
  properties: optional(
    "properties",
    "all|none|A,B",
    "Unmapped columns that become properties (default: all; NDJSON: unmapped keys are refused)"
  ),
  propertiesColumn: optional("properties-column", "COLUMN", "A column that holds properties as a JSON object"),
  source: optional(
    "source",
    "NAME",
    "Names the source in the ids of rows without event_id (default: the file's base name)"
  ),
  rejects: optional("rejects", "FILE", "Where refused rows go (default: FILE.rejects.ndjson)"),
  restart: off("restart", "Start at the first row, whatever an interrupted run left behind"),
  json: off("json", "Print the summary as JSON"),
  ...place
}

interface MappingFlags {
  readonly map: Record<string, string>
  readonly eventTypeValue: Option.Option<string>
  readonly timeFormat: string
  readonly timeZone: string
  readonly properties: Option.Option<string>
  readonly propertiesColumn: Option.Option<string>
}

const usage = (message: string) => new WrongUsage({ message })

export const mappingOf = Effect.fnUntraced(function* (
  flags: MappingFlags,
  csv: boolean,
  idOf: (row: number) => string
) {
  const unknown = Object.keys(flags.map).find((name) => !FIELDS.some((field) => field === name))
  if (unknown !== undefined) {
    return yield* usage(`--map ${unknown}=…: no such field; the fields are ${FIELDS.join(", ")}`)
  }
  const map: Partial<Record<Field, string>> = { ...flags.map }
  if (Option.isSome(flags.propertiesColumn)) {
    if (map.properties !== undefined) return yield* usage("give --properties-column or --map properties=…, not both")
    map.properties = flags.propertiesColumn.value
  }
  if (map.event_type !== undefined && Option.isSome(flags.eventTypeValue)) {
    return yield* usage("give --event-type-value or --map event_type=…, not both")
  }
  const readTime = yield* Effect.try({
    try: (): ReadTime => timeReader(flags.timeFormat, flags.timeZone),
    catch: (error) => usage(error instanceof Error ? error.message : String(error))
  })
  const options: MappingOptions = {
    map,
    eventType: Option.getOrUndefined(flags.eventTypeValue),
    properties: propertiesOf(Option.getOrUndefined(flags.properties), csv),
    readTime,
    timeFormat: flags.timeFormat,
    idOf
  }
  return options
})

const propertiesOf = (text: string | undefined, csv: boolean): MappingOptions["properties"] => {
  if (text === undefined) return csv ? "all" : "strict"
  return text === "all" || text === "none" ? text : text.split(",").map((name) => name.trim())
}

interface CsvFlags {
  readonly delimiter: Option.Option<string>
  readonly noHeader: boolean
  readonly columns: Option.Option<string>
}

const DELIMITERS: Readonly<Record<string, string>> = { tab: "\t", [String.raw`\t`]: "\t", whitespace: "whitespace" }

export const csvOptionsOf = Effect.fnUntraced(function* (flags: CsvFlags) {
  const given = Option.getOrElse(flags.delimiter, () => ",")
  const delimiter = DELIMITERS[given] ?? given
  if (delimiter !== "whitespace" && (delimiter.length !== 1 || /["\r\n]/u.test(delimiter))) {
    return yield* usage(`--delimiter ${given} is neither one character nor "tab" or "whitespace"`)
  }
  if (flags.noHeader !== Option.isSome(flags.columns))
    return yield* usage("--no-header and --columns A,B,C belong together")
  const columns = Option.getOrUndefined(flags.columns)
    ?.split(",")
    .map((name) => name.trim())
  const twice = columns?.find((name, index) => columns.indexOf(name) !== index)
  if (twice !== undefined) return yield* usage(`--columns names the column "${twice}" twice`)
  return { delimiter, columns }
})
