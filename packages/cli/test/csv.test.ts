import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { csvParser } from "../src/import/csv.ts"
import { type Position, START } from "../src/import/Record.ts"
import { slicesOf } from "../src/import/runImport.ts"
import { byteLengthOf, textOf } from "../src/import/utf8Text.ts"
import { cellsOf, chunked, parseCsv } from "./support/parse.ts"
import { sharedFolder } from "./support/shared.ts"

const bytes = (text: string) => Buffer.from(text, "utf8")

describe("csv-spectrum", () => {
  const folder = sharedFolder("vectors", "csv-spectrum")
  // Its JSON names another phone number than its CSV holds, and is an object where the others are arrays.
  const MISPRINT = "location_coordinates"
  const names = folder === undefined ? [] : readdirSync(join(folder, "csvs")).map((name) => name.replace(/\.csv$/u, ""))
  it.skipIf(folder === undefined).each(names)("%s: the importer reads what its JSON says", async (name) => {
    const wanted: unknown = JSON.parse(readFileSync(join(folder!, "json", `${name}.json`), "utf8"))
    const file = readFileSync(join(folder!, "csvs", `${name}.csv`))
    for (const chunkBytes of [1, 7, 4096]) {
      const { columns, records } = await parseCsv(file, chunkBytes)
      const rows = cellsOf(records).map((cells) =>
        Object.fromEntries(columns.map((column, index) => [column, cells[index]]))
      )
      const expected = name === MISPRINT ? [{ ...(wanted as object), "Contact Phone Number": "2095257564" }] : wanted
      expect(rows).toEqual(expected)
    }
  })
})

const field = fc.oneof(
  fc.string({ unit: fc.constantFrom("a", "ü", "😀", ",", '"', "\n", "\r", " ", ";"), maxLength: 8 }),
  fc.constantFrom("", "plain", '"', "x\r\ny")
)
const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`
// A quote means something only at a field's start, so text without separators may stay bare.
const comma = {
  parserAt: (position: Position) => csvParser({ delimiter: ",", columns: undefined }, position),
  readPlain: () => undefined
}
const written = (text: string) => (/[",\r\n]/u.test(text) || text === "" ? quoted(text) : text)

describe("csv", () => {
  it("what RFC 4180 writes is read back, whatever the chunks are", async () => {
    const table = fc.array(fc.tuple(field, field, field), { minLength: 1, maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(
        table,
        fc.integer({ min: 1, max: 40 }),
        fc.constantFrom("\n", "\r\n"),
        fc.boolean(),
        async (rows, size, eol, last) => {
          const text = ["a,b,c", ...rows.map((row) => row.map(written).join(","))].join(eol) + (last ? eol : "")
          const { columns, records } = await parseCsv(bytes(text), size)
          expect(columns).toEqual(["a", "b", "c"])
          expect(cellsOf(records)).toEqual(rows)
        }
      )
    )
  })

  it("reading on from any slice's offset gives the records that were not read yet", async () => {
    const table = fc.array(fc.tuple(field, field), { minLength: 1, maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(table, fc.integer({ min: 1, max: 30 }), async (rows, size) => {
        const file = bytes(["a,b", ...rows.map((row) => row.map(written).join(","))].join("\n"))
        const whole = cellsOf((await parseCsv(file, size)).records)
        let read = 0
        for await (const slice of slicesOf({ ...comma, chunks: chunked(file, size), from: START, offset: 0 })) {
          read += slice.records().length
          if (slice.position.columns === undefined) continue
          const rest = []
          const chunks = chunked(file.subarray(slice.offset), size)
          for await (const more of slicesOf({ ...comma, chunks, from: slice.position, offset: slice.offset })) {
            rest.push(...more.records())
          }
          expect(cellsOf(rest)).toEqual(whole.slice(read))
          expect(rest.map(({ row }) => row)).toEqual(rest.map((_, index) => read + index + 1))
        }
      })
    )
  })

  it("a byte order mark is no part of the first column's name", async () => {
    expect((await parseCsv(bytes("\ufeffid,b\n1,2"), 3)).columns).toEqual(["id", "b"])
  })

  it("a ragged row is refused with its line number, its neighbours are read", async () => {
    const { records } = await parseCsv(bytes('a,b\n1,2\n"x\ny"\n3,4,5\n6,7\n'), 1000)
    expect(records.map((record) => [record._tag, record.line, record.row])).toEqual([
      ["Cells", 2, 1],
      ["Broken", 3, 2],
      ["Broken", 5, 3],
      ["Cells", 6, 4]
    ])
    expect(records[2]).toMatchObject({ problem: "has 3 fields, the header 2" })
  })

  it("text after a closing quote refuses its own row only", async () => {
    const { records } = await parseCsv(bytes('a,b\n"1"x,2\n3,4\n'), 1000)
    expect(records).toMatchObject([
      { _tag: "Broken", line: 2, problem: "has text after a closing quote" },
      { _tag: "Cells", line: 3, cells: ["3", "4"] }
    ])
  })

  it("an unterminated quote is an error that names the line where it starts", async () => {
    await expect(parseCsv(bytes('a,b\n1,2\n"3,4\n5,6\n'), 5)).rejects.toThrow(
      "line 3: a quoted field that starts here never ends"
    )
  })

  it("a quote that never ends does not grow memory beyond a mebibyte", async () => {
    const endless = bytes(`a,b\n"${"x".repeat(3 * 1024 * 1024)}`)
    let taken = 0
    const counted = async function* () {
      for await (const chunk of chunked(endless, 64 * 1024)) {
        taken = chunk.readBytes
        yield chunk
      }
    }
    const readAll = async () => {
      for await (const _ of slicesOf({ ...comma, chunks: counted(), from: START, offset: 0 }));
    }
    await expect(readAll()).rejects.toThrow("line 2")
    expect(taken).toBeLessThan(1024 * 1024 + 200_000)
  })

  it("runs of blanks separate fields, as in CDNOW", async () => {
    const { columns, records } = await parseCsv(bytes(" id  date n \r\n 00001 19970101  1\r\n\r\n"), 9, {
      delimiter: "whitespace"
    })
    expect(columns).toEqual(["id", "date", "n"])
    expect(cellsOf(records)).toEqual([["00001", "19970101", "1"]])
  })

  it("a byte that is not UTF-8 spoils its own line only, and offsets stay exact", () => {
    const broken = Buffer.concat([bytes("grün\n"), Buffer.from([0x61, 0xff, 0xc3, 10]), bytes("ü\n")])
    const text = textOf(broken)
    expect(text.split("\n").map((line) => line.isWellFormed())).toEqual([true, false, true, true])
    expect(byteLengthOf(text)).toBe(broken.length)
  })
})
