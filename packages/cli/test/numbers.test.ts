import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { arbitraries, numberTexts } from "@millrace/testing"
import { afterAll, expect, it } from "vitest"
import { ended, ok, start, temporaryFolder } from "./support/cli.ts"

const { exactValue } = arbitraries
const temporary = temporaryFolder()
afterAll(temporary.remove)

/** MILLRACE_PROPERTY_NUMBERS=10000 takes as many. */
const TEXTS = numberTexts()
const MILLIS = 120_000 + TEXTS.length * 10

const AT = "2026-01-31T12:00:00Z"

/** The same numbers as each kind of file has them; a note that is not plain sends the lines another way. */
const files: Readonly<Record<string, (door: string) => string>> = {
  "plain.csv": (door) =>
    ["user_id,occurred_at,event_type,i,n", ...TEXTS.map((text, i) => `${door},${AT},visit,${i},${text}`), ""].join(
      "\n"
    ),
  "parsed.csv": (door) =>
    [
      "user_id,occurred_at,event_type,i,n,note",
      ...TEXTS.map((text, i) => `${door},${AT},visit,${i},"${text}",a\\b`),
      ""
    ].join("\n"),
  "json.csv": (door) =>
    [
      "user_id,occurred_at,event_type,properties",
      ...TEXTS.map((text, i) => `${door},${AT},visit,"{""i"":${i},""n"":${text}}"`),
      ""
    ].join("\n"),
  "lines.ndjson": (door) =>
    TEXTS.map(
      (text, i) =>
        `{"user_id":"${door}","occurred_at":"${AT}","event_type":"visit","properties":{"i":${i},"n":${text}}}\n`
    ).join("")
}

/** Each event's `n` in an export as it stands there, in the order of the file. */
const numbersIn = (lines: string) =>
  lines
    .split("\n")
    .filter((line) => line.includes('"kind":"event"'))
    .map((line) => /"properties":\{"i":(\d+),"n":([^,}]*)[,}]/u.exec(line)!)
    .toSorted((a, b) => Number(a[1]) - Number(b[1]))
    .map((found) => found[2]!)

/** A cell with an exponent is text as it is; everything else is the number. */
const inCell = (text: string) => (/e/iu.test(text) ? JSON.stringify(text) : exactValue(text))
const asShown = (text: string) => (text.startsWith('"') ? text : exactValue(text))

const CELLS = new Set(["plain.csv", "parsed.csv"])

/** Those that did not come out of an export as they came in: an integer by its letters, any other number by its value. */
const alteredAt = async (...place: ReadonlyArray<string>) => {
  const altered: Array<unknown> = []
  for (const [name, content] of Object.entries(files)) {
    const file = join(temporary.path, name)
    writeFileSync(file, content(name))
    await ok(["import", file, ...place])
    const found = numbersIn(await ok(["export", "--user", name, ...place]))
    if (found.length !== TEXTS.length) altered.push([name, found.length])
    TEXTS.forEach((text, index) => {
      const shown = found[index] ?? ""
      const whole = /^-?[1-9]\d*$/u.test(text)
      const same = whole ? shown === text : asShown(shown) === (CELLS.has(name) ? inCell(text) : exactValue(text))
      if (!same) altered.push([name, text, shown])
    })
  }
  return altered
}

it(
  "a folder: every number of a file comes out of the export as it came in",
  async () => expect(await alteredAt("--data", join(temporary.path, "data"))).toEqual([]),
  MILLIS
)

it(
  "a server: the same, and of one that is sent by itself",
  async () => {
    const server = start(["serve", "--port", "0", "--data", join(temporary.path, "served")])
    const exit = ended(server)
    try {
      const url = await new Promise<string>((resolve, reject) => {
        server.stdout!.once("data", (text: Buffer) => resolve(/http:\/\/\S+/u.exec(text.toString())![0]))
        void exit.then(({ stderr }) => reject(new Error(stderr)))
      })
      expect(await alteredAt("--url", url)).toEqual([])
      const properties = '{"i":0,"n":12345678901234567890}'
      await ok(["send", "--user-id", "sent", "--event-type", "visit", "--properties", properties, "--url", url])
      expect(numbersIn(await ok(["export", "--user", "sent", "--url", url]))).toEqual(["12345678901234567890"])
      const where = ["--where", "properties.n = 12345678901234567891 or properties.n = 12345678901234567890"]
      const counted = await ok([
        "stats",
        "trend",
        "--from",
        "2026-01-31",
        "--to",
        "2026-01-31",
        ...where,
        "--json",
        "--url",
        url
      ])
      const twice = TEXTS.filter((text) => /^1234567890123456789[01]$/u.test(text)).length
      expect(JSON.parse(counted)).toMatchObject({ rows: [{ value: twice * Object.keys(files).length }] })
    } finally {
      server.kill("SIGKILL")
      await exit
    }
  },
  MILLIS
)
