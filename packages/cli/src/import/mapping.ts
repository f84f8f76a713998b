import { numberOf, parseJson, printJson, type WrittenNumber } from "@millrace/core"
import type { InputRecord } from "./Record.ts"
import type { ReadTime } from "./timeFormat.ts"

export const FIELDS = ["event_id", "occurred_at", "user_id", "event_type", "properties"] as const
export type Field = (typeof FIELDS)[number]

export interface MappingOptions {
  /** Field → column (CSV) or key (NDJSON); a field not named here is looked for under its own name. */
  readonly map: Readonly<Partial<Record<Field, string>>>
  /** The constant `event_type` of every record. */
  readonly eventType: string | undefined
  /** Unmapped columns that become properties; `strict` leaves them where they are, and `judge` refuses them by name. */
  readonly properties: "all" | "none" | "strict" | ReadonlyArray<string>
  readonly readTime: ReadTime
  /** Named in the refusal of a time that does not fit. */
  readonly timeFormat: string
  /** Makes the id of a record that brings none, from its row number. */
  readonly idOf: (row: number) => string
}

export interface Refused {
  readonly code: string
  readonly path: string
  readonly message: string
}

export type Mapped =
  | { readonly _tag: "Raw"; readonly raw: Readonly<Record<string, unknown>> }
  | { readonly _tag: "Refused"; readonly refused: Refused }

export type MapRecord = (record: InputRecord) => Mapped

/** The mapping does not fit the file: a usage error. */
export class BadMapping extends Error {
  override readonly name = "BadMapping"
}

const isPlainObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const refuse = (code: string, path: string, message: string): Mapped => ({
  _tag: "Refused",
  refused: { code, path, message }
})

/** Which column gives what, by index; -1 where none does. */
export interface ColumnPlan {
  readonly idAt: number
  readonly timeAt: number
  readonly userAt: number
  readonly typeAt: number
  /** The column that holds the properties as a JSON object. */
  readonly jsonAt: number
  readonly extras: ReadonlyArray<Extra>
}

/** Throws {@link BadMapping}. */
export const planOf = (columns: ReadonlyArray<string>, options: MappingOptions): ColumnPlan => {
  const at = (field: Field) => indexOf(columns, field, options)
  const [idAt, timeAt, userAt, typeAt, jsonAt] = FIELDS.map(at) as [number, number, number, number, number]
  if (timeAt === -1) throw missing(columns, "occurred_at")
  if (userAt === -1) throw missing(columns, "user_id")
  if (typeAt === -1 && options.eventType === undefined)
    throw missing(columns, "event_type", ", or --event-type-value NAME")
  const extras = extraColumns(columns, new Set([idAt, timeAt, userAt, typeAt, jsonAt]), options)
  return { idAt, timeAt, userAt, typeAt, jsonAt, extras }
}

/** CSV: everything about the columns is decided once, so a row costs array reads only. */
export const mapCells = (columns: ReadonlyArray<string>, options: MappingOptions): MapRecord => {
  const { extras, idAt, jsonAt, timeAt, typeAt, userAt } = planOf(columns, options)
  return (record) => {
    if (record._tag !== "Cells") return refuseRecord(record)
    const { cells, row } = record
    const occurred_at = options.readTime(cells[timeAt]!)
    if (occurred_at === undefined) return badTime(cells[timeAt]!, options)
    const properties = propertiesOf(cells, jsonAt, extras)
    if (properties === undefined) return refuse("wrong_type", "/properties", "must be a JSON object")
    const id = idAt === -1 ? "" : cells[idAt]!
    return {
      _tag: "Raw",
      raw: {
        event_id: id === "" ? options.idOf(row) : id,
        occurred_at,
        user_id: cells[userAt]!,
        event_type: options.eventType ?? cells[typeAt]!,
        properties
      }
    }
  }
}

const refuseRecord = (record: InputRecord): Mapped =>
  refuse("broken_record", "", record._tag === "Broken" ? record.problem : "is not a record of this format")

const badTime = (value: unknown, options: MappingOptions) =>
  refuse("invalid_date_time", "/occurred_at", `${shown(value)} does not fit the time format ${options.timeFormat}`)

const shown = (value: unknown) => JSON.stringify(value)?.slice(0, 80) ?? "nothing"

const indexOf = (columns: ReadonlyArray<string>, field: Field, options: MappingOptions): number => {
  const name = options.map[field]
  const index = columns.indexOf(name ?? field)
  if (name !== undefined && index === -1) {
    throw new BadMapping(`--map ${field}=${name}: no such column; the file has ${list(columns)}`)
  }
  return index
}

const missing = (columns: ReadonlyArray<string>, field: Field, more = "") =>
  new BadMapping(`no column gives ${field}: use --map ${field}=COLUMN${more}; the file has ${list(columns)}`)

const list = (columns: ReadonlyArray<string>) => {
  const text = columns.join(", ")
  return text.length > 300 ? `${text.slice(0, 300)}…` : text
}

/** A column that becomes a property. */
interface Extra {
  readonly name: string
  readonly index: number
}

const extraColumns = (
  columns: ReadonlyArray<string>,
  mapped: ReadonlySet<number>,
  options: MappingOptions
): ReadonlyArray<Extra> => {
  const { properties } = options
  if (properties === "none") return []
  if (properties === "all" || properties === "strict") {
    return columns.map((name, index) => ({ name, index })).filter(({ index }) => !mapped.has(index))
  }
  return properties.map((name) => {
    const index = columns.indexOf(name)
    if (index === -1) throw new BadMapping(`--properties ${name}: no such column; the file has ${list(columns)}`)
    return { name, index }
  })
}

/** Own keys by definition, so that a column named `__proto__` is a key that `judge` sees and refuses. */
const put = (target: Record<string, unknown>, name: string, value: unknown) => {
  if (name === "__proto__")
    Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true })
  else target[name] = value
}

const propertiesOf = (
  cells: ReadonlyArray<string>,
  jsonAt: number,
  extras: ReadonlyArray<Extra>
): Record<string, unknown> | undefined => {
  const properties = jsonAt === -1 || cells[jsonAt] === "" ? {} : parsedObject(cells[jsonAt]!)
  if (properties === undefined) return undefined
  for (const { index, name } of extras) {
    const text = cells[index]!
    if (text !== "") put(properties, name, typed(text))
  }
  return properties
}

const parsedObject = (text: string): Record<string, unknown> | undefined => {
  try {
    const value = parseJson(text)
    return isPlainObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/u
/** A number of so many never exceeds the greatest double. */
export const NUMBER_MAX_CHARACTERS = 300

/** A plain decimal without leading zeros becomes a number, with all its digits; `00042` and `1e5` stay text. */
export const typed = (text: string): string | number | WrittenNumber => {
  const code = text.charCodeAt(0)
  if (code > 57 || code < 45 || text.length > NUMBER_MAX_CHARACTERS) return text
  return NUMBER.test(text) ? numberOf(text) : text
}

/** NDJSON: keys instead of columns; what is neither mapped nor taken as a property stays, and `judge` names it. */
export const mapObject =
  (options: MappingOptions): MapRecord =>
  (record) => {
    if (record._tag !== "Object") return refuseRecord(record)
    const { value } = record
    if (!isPlainObject(value)) return refuse("not_an_object", "", "must be a JSON object")
    const raw: Record<string, unknown> = {}
    const rest: Record<string, unknown> = { ...value }
    for (const field of FIELDS) {
      const key = options.map[field] ?? field
      if (Object.hasOwn(value, key)) raw[field] = value[key]
      delete rest[key]
    }
    raw["event_id"] ??= options.idOf(record.row)
    if (options.eventType !== undefined) raw["event_type"] = options.eventType
    if (options.timeFormat !== "rfc3339") {
      const occurred_at = options.readTime(textOf(raw["occurred_at"]))
      if (occurred_at === undefined) return badTime(raw["occurred_at"], options)
      raw["occurred_at"] = occurred_at
    }
    return { _tag: "Raw", raw: withExtras(raw, rest, value, options) }
  }

/** Of a number as it is written. */
const textOf = (value: unknown): string => (typeof value === "string" ? value : (printJson(value) ?? ""))

/** `rest`: what gives no field; a key that is named gives a property besides. */
const withExtras = (
  raw: Record<string, unknown>,
  rest: Record<string, unknown>,
  value: Record<string, unknown>,
  { properties }: MappingOptions
): Record<string, unknown> => {
  if (properties === "strict") return { ...rest, ...raw }
  if (properties === "none") return raw
  const names = properties === "all" ? Object.keys(rest) : properties
  const given = raw["properties"] ?? {}
  if (names.length === 0 || !isPlainObject(given)) return raw
  const merged: Record<string, unknown> = { ...given }
  for (const name of names) if (Object.hasOwn(value, name)) put(merged, name, value[name])
  return { ...raw, properties: merged }
}
