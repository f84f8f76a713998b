import { parseJson, printJson, readBatch } from "@millrace/core"
import { arbitraries } from "@millrace/testing"
import { Result } from "effect"
import fc from "fast-check"
import { expect, it } from "vitest"
import { csvParser } from "../src/import/csv.ts"
import { mapCells, type MappingOptions, planOf } from "../src/import/mapping.ts"
import { plainReader } from "../src/import/plainCsv.ts"
import { timeReader } from "../src/import/timeFormat.ts"

const columns = ["id", "user_id", "at", "kind", "price", "note"]

const mapping = (more: Partial<MappingOptions> = {}): MappingOptions => ({
  map: { event_id: "id", occurred_at: "at", event_type: "kind" },
  eventType: undefined,
  properties: "all",
  readTime: timeReader("rfc3339", "UTC"),
  timeFormat: "rfc3339",
  idOf: (row) => `row-${row}`,
  ...more
})

const read = (lines: string | Buffer, options: MappingOptions, delimiter = ",") => {
  const reader = plainReader(columns, delimiter, planOf(columns, options), options)
  const plain = reader?.(Buffer.from(lines), 8)
  if (plain === undefined) return undefined
  const body = Result.getOrThrow(readBatch(parseJson(Buffer.from(plain.body).toString("utf8"))))
  return { rows: plain.rows, raws: body.events }
}

/** What the parser and `mapCells` make of the same lines. */
const parsed = (lines: string, options: MappingOptions, delimiter = ",") => {
  const map = mapCells(columns, options)
  const records = csvParser({ delimiter, columns: undefined }, { lines: 9, rows: 7, columns }).push(lines)
  return records.map((record) => map(record))
}

const number = fc.oneof(
  fc.integer().map(String),
  fc.bigInt({ min: -(10n ** 17n), max: 10n ** 17n }).map(String),
  arbitraries.numberText,
  fc.stringMatching(/^-?\d{1,9}\.\d{1,9}$/u),
  fc.constantFrom("0", "-0", "0.0", "-0.0", "00", "1.", ".5", "1e5", "-", "0.0000001", "0.000001", "1.50", "100", "1.0")
)
const text = fc.oneof(
  number,
  fc.string({ unit: "binary", maxLength: 6 }),
  fc.string({
    unit: fc.constantFrom('"', ",", ";", "\\", "\n", "\r", "\t", "a", "é", "😀", "\u2028", "\u007f", " "),
    maxLength: 5
  }),
  fc.constantFrom("", "2026-01-02T03:04:05Z", "1767225600", "20260101", "9007199254740993", "-123456789012345")
)
const quoted = (cell: string) => `"${cell.replaceAll('"', '""')}"`
const written = (cell: string) =>
  fc.boolean().map((always) => (always || /[",;\r\n]/u.test(cell) ? quoted(cell) : cell))
const cell = text.chain(written)
const eol = fc.constantFrom("\n", "\r\n")
const line = (delimiter: string) =>
  fc.tuple(fc.array(cell, { minLength: 6, maxLength: 6 }), eol).map(([cells, end]) => cells.join(delimiter) + end)
const noise = fc.constantFrom('"', ",", "\n", "\r", "a", "1", ".", "0")
/** Noise, or a line with some of it put in place of something. */
const anything = fc.oneof(
  fc.string({ unit: noise, maxLength: 60 }).map((noisy) => `${noisy}\n`),
  fc.tuple(line(","), fc.nat(), fc.nat(3), fc.string({ unit: noise, maxLength: 2 })).map(([whole, at, cut, put]) => {
    const letters = [...whole]
    letters.splice(at % letters.length, cut, put)
    return letters.join("")
  })
)

/** The note is the user, and two properties. */
const twice = mapping({
  map: { event_id: "id", user_id: "note", occurred_at: "at", event_type: "kind" },
  properties: ["note", "note", "kind", "price"]
})

const options = fc.constantFrom(
  mapping(),
  twice,
  mapping({ map: { occurred_at: "at" }, eventType: 'pur"chase' }),
  mapping({ readTime: timeReader("unix", "UTC"), timeFormat: "unix" }),
  mapping({ readTime: timeReader("YYYYMMDD", "Europe/Berlin"), timeFormat: "YYYYMMDD", properties: "none" }),
  mapping({ properties: ["note", "price"] })
)

const sameAsParsed = (lines: string, how: MappingOptions, delimiter: string) => {
  const plain = read(lines, how, delimiter)
  if (plain === undefined) return false
  const wanted = parsed(lines, how, delimiter)
  expect(plain.raws).toEqual(wanted.map((mapped) => (mapped._tag === "Raw" ? mapped.raw : mapped)))
  expect(plain.raws.map((raw) => Object.keys((raw as { properties: object }).properties))).toEqual(
    wanted.map((mapped) => (mapped._tag === "Raw" ? Object.keys(mapped.raw["properties"] as object) : []))
  )
  expect(plain.rows).toBe(wanted.length)
  return true
}

it("plain lines: the body is what the parser and the mapping give, row by row", () => {
  let plain = 0
  const delimiters = fc.constantFrom(",", ";", "\t")
  fc.assert(
    fc.property(
      delimiters.chain((delimiter) =>
        fc.tuple(fc.constant(delimiter), fc.array(line(delimiter), { minLength: 1, maxLength: 3 }), options)
      ),
      ([delimiter, lines, how]) => {
        if (sameAsParsed(lines.join(""), how, delimiter)) plain++
      }
    ),
    { numRuns: 3_000 }
  )
  expect(plain).toBeGreaterThan(100)
})

it("whatever the bytes are: either nothing, or what the parser gives", () => {
  let plain = 0
  fc.assert(
    fc.property(anything, options, (lines, how) => {
      if (sameAsParsed(lines, how, ",")) plain++
    }),
    { numRuns: 2_000 }
  )
  // About 100.
  expect(plain).toBeGreaterThan(20)
  expect(plain).toBeLessThan(2_000)
})

it("numbers: each plain decimal stays a number, with every digit of an integer", () => {
  const cells = [
    "0",
    "-7",
    "1.50",
    "2.00",
    "0.0000001",
    "-0",
    "9007199254740993",
    "0.12345678901234567890",
    "01",
    "1e5"
  ]
  const lines = cells.map((price) => `,u,2026-01-01T00:00:00Z,k,${price},\n`).join("")
  const raws = read(lines, mapping())?.raws as ReadonlyArray<{ properties: { price: unknown } }>
  const prices = ["0", "-7", "1.5", "2", "1e-7", "0", "9007199254740993", "0.12345678901234568", '"01"', '"1e5"']
  expect(raws.map(({ properties }) => printJson(properties.price))).toEqual(prices)
})

it("what is not plain is left to the parser", () => {
  const time = "2026-01-01T00:00:00Z"
  const left = [
    `,u,${time},k,1\n`,
    `,u,${time},k,1,x,y\n`,
    `,u,${time},k,1,"a\nb"\n`,
    `,u,${time},k,1,"a"b\n`,
    `,u,${time},k,1,a"b\n`,
    `,u,${time},k,1,a\\b\n`,
    `,u,${time},k,1,\u0001\n`,
    "\n",
    `,u,${time},k,1,"never\n`
  ]
  for (const lines of left) expect([lines, read(lines, mapping())]).toEqual([lines, undefined])
  expect(read(Buffer.from([44, 0xff, 10]), mapping())).toBeUndefined()
  expect(read(`,u,${time},k,1,x\n`, mapping({ map: { ...mapping().map, properties: "note" } }))).toBeUndefined()
})

it("a column that gives more than one field, or one field twice: every byte is there", () => {
  for (let letters = 200; letters < 260; letters += 3) {
    const row = (index: number) => `${index},u,2026-01-02T03:04:05Z,visit,1.5,${"n".repeat(letters)}\n`
    const lines = Array.from({ length: 1_200 }, (_, index) => row(index)).join("")
    expect(sameAsParsed(lines, twice, ",")).toBe(true)
  }
})
