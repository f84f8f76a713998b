import { numberOf, parseJson, printJson } from "@millrace/core"
import { arbitraries, numberTexts } from "@millrace/testing"
import { randomUUID } from "node:crypto"
import { rmSync } from "node:fs"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { createMillrace, type Millrace } from "../src/index.ts"
import { settled, startServer, temporaryDirectory, type TestServer } from "./support/server.ts"

const { exactValue, INFINITE_TEXTS } = arbitraries

// A batch or two for each way in; MILLRACE_PROPERTY_NUMBERS=10000 takes them all.
const TEXTS = numberTexts()
const BATCH = 1_000
const batchesOf = (texts: ReadonlyArray<string>) =>
  Array.from({ length: Math.ceil(texts.length / BATCH) }, (_, index) => texts.slice(index * BATCH, (index + 1) * BATCH))
const MILLIS = 60_000 + TEXTS.length * 10

const written = (text: string, door: string, index: number) =>
  `{"event_id":"${randomUUID()}","occurred_at":"2026-01-31T12:00:00Z","user_id":"${door}","event_type":"${door}","properties":{"i":${index},"n":${text},"list":[{"deep":${text}}]}}`

const bodyOf = (texts: ReadonlyArray<string>, door: string) =>
  `[${texts.map((text, index) => written(text, door, index)).join(",")}]`

/** Each event's numbers in an export, by the event's place. */
const numbersIn = (lines: string) =>
  lines
    .split("\n")
    .filter((line) => line.includes('"kind":"event"'))
    .map((line) => /"properties":\{"i":(\d+),"n":([^,]*),"list":\[\{"deep":([^}]*)\}\]\}/u.exec(line)!)
    .toSorted((a, b) => Number(a[1]) - Number(b[1]))
    .map((found) => found.slice(2, 4))

/** Those that did not come out as they came in: an integer by its letters, any other number by its value. */
const alteredIn = (lines: string, texts: ReadonlyArray<string>) => {
  const found = numbersIn(lines)
  const shown = /^-?[1-9]\d*$/u
  const same = (text: string, other = "") =>
    shown.test(text) ? text === other : other !== "" && exactValue(text) === exactValue(other)
  const altered = texts.flatMap((text, index) => {
    const [top, deep] = found[index] ?? []
    return same(text, top) && same(text, deep) ? [] : [{ text, top, deep }]
  })
  return found.length === texts.length ? altered : [...altered, `${found.length} of ${texts.length}`]
}

/** Doors that take an event's JSON over HTTP. */
const doors: Readonly<Record<string, (text: string) => string>> = {
  array: (body) => body,
  envelope: (body) => `{"events":${body}}`,
  // What is not plain sends the whole body another way.
  beside: (body) => body.replace('"user_id"', '"user\\u005fid"')
}

describe("a server", () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startServer()
  })
  afterAll(() => server.close())

  it.each(Object.keys(doors))(
    "%s: every number comes out of the export as it came in",
    async (door) => {
      for (const [index, texts] of batchesOf(TEXTS).entries()) {
        const name = `${door}${index}`
        const answer = await server.post(doors[door]!(bodyOf(texts, name)))
        expect([answer.status, answer.body]).toEqual([202, { accepted: texts.length, rejected: [] }])
        await settled(server)
        const { body } = await server.get(`/users/${name}/events`)
        expect(alteredIn(body as string, texts)).toEqual([])
      }
    },
    MILLIS
  )

  it("a question in a JSON body finds an integer by its digits, and no neighbour", async () => {
    await server.post(bodyOf(["9007199254740992", "9007199254740993", '"9007199254740993"'], "asked"))
    await settled(server)
    const ask = async (value: string) => {
      const where = `{"and":[{"field":"event_type","op":"=","value":"asked"},{"field":"properties.n","op":"=","value":${value}}]}`
      const params = `{"from":"2026-01-31","to":"2026-01-31","where":${where}}`
      const { body } = await server.post(`{"metric":"trend","params":${params}}`, {}, "/stats/query")
      return body.rows[0].value as number
    }
    // An integer that no double is equals the text of its digits: that is how careful senders write ids.
    expect([await ask("9007199254740992"), await ask("9007199254740993"), await ask("9007199254740994")]).toEqual([
      1, 2, 0
    ])
    const listed = await server.post(
      '{"metric":"trend/users","params":{"from":"2026-01-31","to":"2026-01-31","date":"2026-01-31","event_type":"asked","breakdown":"properties.n","breakdown_value":9007199254740993}}',
      {},
      "/stats/query"
    )
    expect([listed.status, listed.body.rows]).toEqual([200, [{ user_id: "asked" }]])
  })

  it.each(INFINITE_TEXTS)("%.12s is refused by name, whichever way it comes", async (text) => {
    for (const wrap of Object.values(doors)) {
      const { body, status } = await server.post(wrap(`[${written("1", "fine", 0)},${written(text, "bad", 1)}]`))
      expect([status, body.accepted, body.rejected]).toEqual([
        202,
        1,
        [expect.objectContaining({ index: 1, path: "/properties/n", code: "not_a_finite_number" })]
      ])
    }
  })

  it("a body that nests too deep beside a long integer is refused, not mistaken", async () => {
    const deep = `${"[".repeat(100_000)}12345678901234567890${"]".repeat(100_000)}`
    const { body, status } = await server.post(`{"events":[${deep}]}`)
    expect([status, body.errors[0].code]).toEqual([400, "too_deep"])
  })
})

describe("the library", () => {
  const directory = temporaryDirectory()
  let millrace: Millrace
  beforeAll(async () => {
    millrace = await createMillrace({ directory, open: true })
  })
  afterAll(async () => {
    await millrace.close()
    rmSync(directory, { recursive: true })
  })

  const ingest = async (user_id: string, values: ReadonlyArray<unknown>) => {
    const events = values.map((n, index) => ({
      event_id: randomUUID(),
      occurred_at: "2026-01-31T12:00:00Z",
      user_id,
      event_type: user_id,
      properties: { i: index, n, list: [{ deep: n }] }
    }))
    expect(await millrace.ingest(events)).toEqual({ accepted: values.length, rejected: [] })
    await millrace.flush()
    return await (await millrace.fetch(new Request(`http://localhost/users/${user_id}/events`))).text()
  }

  const altered = async (kind: string, texts: ReadonlyArray<string>, valueOf: (text: string) => unknown) => {
    const all: Array<unknown> = []
    for (const [index, batch] of batchesOf(texts).entries())
      all.push(...alteredIn(await ingest(`${kind}${index}`, batch.map(valueOf)), batch))
    return all
  }

  it(
    "a bigint is an integer with all its digits; a double stays the double",
    async () => {
      const integers = TEXTS.filter((text) => /^-?[1-9]\d*$/u.test(text))
      expect(await altered("bigints", integers, BigInt)).toEqual([])
      const doubles = TEXTS.map((text) => String(Number(text)))
      expect(await altered("doubles", doubles, Number)).toEqual([])
      expect(await altered("written", integers, numberOf)).toEqual([])
    },
    MILLIS
  )

  it("a bigint in a question finds it", async () => {
    await ingest("asked", [2n ** 64n + 1n, 2n ** 64n])
    const params = { from: "2026-01-31", to: "2026-01-31", event_type: "asked" }
    const where = { field: "properties.n", op: "=", value: 2n ** 64n + 1n }
    const found = await millrace.query("trend", { ...params, where: where as never })
    expect(found.rows[0]!.value).toBe(1)
    expect(parseJson(printJson(found.params.where)!)).toEqual({ ...where, value: "18446744073709551617" })
  })
})
