import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { mapCells, mapObject, type MappingOptions, typed } from "../src/import/mapping.ts"
import { timeReader } from "../src/import/timeFormat.ts"
import { uuid5Maker } from "../src/import/uuid5.ts"

const options = (more: Partial<MappingOptions>): MappingOptions => ({
  map: {},
  eventType: undefined,
  properties: "all",
  readTime: timeReader("rfc3339", "UTC"),
  timeFormat: "rfc3339",
  idOf: (row) => `row-${row}`,
  ...more
})
const cells = (...values: ReadonlyArray<string>) => ({ _tag: "Cells", line: 2, row: 1, cells: values }) as const

describe("time formats", () => {
  it.each([
    ["unix", "UTC", "1082040961", "2004-04-15T14:56:01Z"],
    ["unix", "UTC", "1082040961.25", "2004-04-15T14:56:01.250Z"],
    ["unix-ms", "UTC", "1082040961007", "2004-04-15T14:56:01.007Z"],
    ["YYYYMMDD", "UTC", "19970101", "1997-01-01T00:00:00Z"],
    ["YYYY-MM-DD HH:mm:ss", "Europe/Berlin", "2026-07-01 12:00:00", "2026-07-01T10:00:00Z"],
    ["DD.MM.YYYY HH:mm", "America/New_York", "15.01.2026 08:30", "2026-01-15T13:30:00Z"],
    ["YYYYMMDD", "Asia/Kolkata", "20260101", "2025-12-31T18:30:00Z"]
  ])("%s in %s reads %s", (format, zone, text, wanted) => {
    expect(timeReader(format, zone)(text)).toBe(wanted)
  })

  it.each([
    ["unix", "12a"],
    ["unix", "-5"],
    ["unix", "99999999999"],
    ["YYYYMMDD", "19971301"],
    ["YYYYMMDD", "20260230"],
    ["YYYYMMDD", "1997-01-01"],
    ["YYYY-MM-DD HH:mm", "2026-01-01 24:00"]
  ])("%s refuses %s", (format, text) => {
    expect(timeReader(format, "UTC")(text)).toBeUndefined()
  })

  it("a repeated local hour is its first occurrence, a skipped one moves forward", () => {
    const berlin = timeReader("YYYY-MM-DD HH:mm", "Europe/Berlin")
    expect(berlin("2026-10-25 02:30")).toBe("2026-10-25T00:30:00Z")
    expect(berlin("2026-03-29 02:30")).toBe("2026-03-29T01:30:00Z")
    expect(berlin("2026-03-29 03:00")).toBe("2026-03-29T01:00:00Z")
  })

  it("any instant that a zone's clock shows once is read back", () => {
    const zone = "America/Sao_Paulo"
    const shown = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "medium" })
    const read = timeReader("YYYY-MM-DD HH:mm:ss", zone)
    const instant = fc.integer({ min: Date.UTC(1990, 0, 1) / 1000, max: Date.UTC(2030, 0, 1) / 1000 })
    fc.assert(
      fc.property(instant, (seconds) => {
        const text = shown.format(seconds * 1000)
        const back = Date.parse(read(text)!)
        expect(shown.format(back)).toBe(text)
        expect(Math.abs(back - seconds * 1000)).toBeLessThanOrEqual(3_600_000)
      })
    )
  })

  it.each(["YYYYMM", "YYYYMMDDDD", "nonsense"])("the pattern %s is wrong usage", (format) => {
    expect(() => timeReader(format, "UTC")).toThrow("--time-format")
  })
})

describe("uuid5", () => {
  it("gives RFC 9562's own example", () => {
    const dns = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
    expect(uuid5Maker(dns, "www.")("example.com")).toBe("2ed6657d-e927-568b-95e1-2665a8aea6a2")
    expect(uuid5Maker(dns, "")("www.example.com")).toBe("2ed6657d-e927-568b-95e1-2665a8aea6a2")
  })
})

describe("mapping", () => {
  it("a plain decimal is a number with all its digits, all else stays text", () => {
    const wanted = {
      "0": 0,
      "12.00": 12,
      "-3.5": -3.5,
      "11.77": 11.77,
      "00042": "00042",
      "1e5": "1e5",
      "": "",
      "+1": "+1"
    }
    for (const [text, value] of Object.entries(wanted)) expect(typed(text)).toBe(value)
    expect(JSON.stringify(typed("12345678901234567"))).toBe("12345678901234567")
    expect(typed("9".repeat(301))).toBe("9".repeat(301))
    fc.assert(fc.property(fc.integer(), (value) => typed(String(value)) === value))
  })

  it("unmapped columns become properties, empty ones are left out", () => {
    const map = mapCells(
      ["id", "when", "amount", "note"],
      options({ map: { user_id: "id", occurred_at: "when" }, eventType: "buy" })
    )
    expect(map(cells("u1", "2026-01-01T00:00:00Z", "9.50", ""))).toEqual({
      _tag: "Raw",
      raw: {
        event_id: "row-1",
        occurred_at: "2026-01-01T00:00:00Z",
        user_id: "u1",
        event_type: "buy",
        properties: { amount: 9.5 }
      }
    })
  })

  it("a JSON column gives the properties; what is no object there refuses the row", () => {
    const columns = ["user_id", "occurred_at", "event_type", "data"]
    const map = mapCells(columns, options({ map: { properties: "data" }, properties: "none" }))
    expect(map(cells("u", "t", "e", '{"a":[1]}'))).toMatchObject({ raw: { properties: { a: [1] } } })
    expect(map(cells("u", "t", "e", "[1]"))).toMatchObject({ _tag: "Refused", refused: { path: "/properties" } })
    expect(map(cells("u", "t", "e", "{"))).toMatchObject({ _tag: "Refused" })
  })

  it("a column that does not exist is named with those that do", () => {
    expect(() => mapCells(["a", "b"], options({ map: { user_id: "c" } }))).toThrow(
      "--map user_id=c: no such column; the file has a, b"
    )
    expect(() => mapCells(["user_id"], options({}))).toThrow(
      "no column gives occurred_at: use --map occurred_at=COLUMN"
    )
    expect(() => mapCells(["a", "occurred_at"], options({ map: { user_id: "c" } }))).toThrow(
      "--map user_id=c: no such column; the file has a, occurred_at"
    )
  })

  it("a column named __proto__ stays a key of its own", () => {
    const map = mapCells(["user_id", "occurred_at", "event_type", "__proto__"], options({}))
    const mapped = map(cells("u", "t", "e", "x"))
    expect(mapped._tag === "Raw" && JSON.stringify(mapped.raw["properties"])).toBe('{"__proto__":"x"}')
  })

  it("a key, like a column, may give two fields, and a property where it is named", () => {
    const how = options({ map: { event_id: "mail", user_id: "mail" }, properties: ["mail", "note"] })
    const row = { mail: "ada@x", occurred_at: "2026-01-01T00:00:00Z", event_type: "buy", note: "hi", more: "1" }
    const raw = {
      event_id: "ada@x",
      user_id: "ada@x",
      occurred_at: "2026-01-01T00:00:00Z",
      event_type: "buy",
      properties: { mail: "ada@x", note: "hi" }
    }
    expect(mapObject(how)({ _tag: "Object", line: 1, row: 1, value: row })).toEqual({ _tag: "Raw", raw })
    expect(mapCells(Object.keys(row), how)(cells(...Object.values(row)))).toEqual({ _tag: "Raw", raw })
  })

  it("an NDJSON event passes as it is, with an id where it has none", () => {
    const event = { occurred_at: "t", user_id: "u", event_type: "e", properties: { a: 1 } }
    const map = mapObject(options({ properties: "strict" }))
    expect(map({ _tag: "Object", line: 1, row: 7, value: event })).toEqual({
      _tag: "Raw",
      raw: { ...event, event_id: "row-7" }
    })
    expect(map({ _tag: "Object", line: 1, row: 7, value: { ...event, extra: 1 } })).toMatchObject({ raw: { extra: 1 } })
    const all = mapObject(options({ properties: "all" }))
    expect(all({ _tag: "Object", line: 1, row: 7, value: { ...event, extra: 1 } })).toMatchObject({
      raw: { properties: { a: 1, extra: 1 } }
    })
  })
})
