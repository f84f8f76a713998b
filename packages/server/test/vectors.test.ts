import { randomUUID } from "node:crypto"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { event } from "./support/events.ts"
import { settled } from "./support/server.ts"
import { startReadable } from "./support/stored.ts"
import { vectorBytes, vectorFiles, vectorJson, vectorsAreHere } from "./support/vectors.ts"

let server: Awaited<ReturnType<typeof startReadable>>
beforeAll(async () => {
  server = await startReadable()
})
afterAll(() => server.close())

describe.skipIf(!vectorsAreHere)("JSONTestSuite", () => {
  const BROKEN = new Set(["urn:millrace:problem:invalid_json", "urn:millrace:problem:invalid_utf8"])
  const files = vectorFiles("JSONTestSuite/test_parsing")
  const send = (file: string) => server.post(vectorBytes(`JSONTestSuite/test_parsing/${file}`))

  it("is whole", () => {
    expect(files.length).toBeGreaterThan(300)
  })

  it.each(files.filter((file) => file.startsWith("y_")))("%s is parsed", async (file) => {
    const { body, status } = await send(file)
    expect(BROKEN).not.toContain(body.type)
    expect(status).toBeLessThan(500)
  })

  it.each(files.filter((file) => file.startsWith("n_")))("%s is refused with 400", async (file) => {
    const { body, status } = await send(file)
    expect(status).toBe(400)
    expect(BROKEN).toContain(body.type)
  })

  it.each(files.filter((file) => file.startsWith("i_")))("%s is answered, whatever the answer", async (file) => {
    expect((await send(file)).status).toBeLessThan(500)
  })
})

interface Sent {
  readonly event_id: string
  readonly field: "user_id" | "event_type" | "properties"
  readonly expected: unknown
  readonly body: Record<string, unknown>
}

/** Each string as user, as type, as a property's key and as its value: one event each. */
const throughEveryField = (text: string): ReadonlyArray<Sent> => {
  const through = (field: Sent["field"], expected: unknown): Sent => {
    const event_id = randomUUID()
    return { event_id, field, expected, body: event({ event_id, [field]: expected }) }
  }
  return [
    through("user_id", text),
    through("event_type", text),
    // Not a literal: there __proto__ would set the prototype.
    through("properties", Object.fromEntries([[text, 1]])),
    through("properties", { text, list: [text] })
  ]
}

/** Sends all of them and expects each back unchanged, or refused by a rule. Returns the refusals' codes. */
const roundTrip = async (texts: ReadonlyArray<string>) => {
  const sent = texts.flatMap(throughEveryField)
  const refused = new Map<string, string>()
  for (let start = 0; start < sent.length; start += 1_000) {
    const slice = sent.slice(start, start + 1_000)
    const { body, status } = await server.post(slice.map((entry) => entry.body))
    expect(status).toBe(202)
    for (const rejection of body.rejected) refused.set(rejection.event_id, rejection.code)
  }
  expect((await settled(server)).difference).toBe(0)
  const stored = await server.stored()
  for (const { event_id, expected, field } of sent) {
    if (refused.has(event_id)) expect(stored.has(event_id)).toBe(false)
    else expect(stored.get(event_id)?.[field]).toEqual(expected)
  }
  return [...refused.values()]
}

describe.skipIf(!vectorsAreHere)("big list of naughty strings", () => {
  it("each comes back unchanged from every field, or is refused by a stated rule", async () => {
    const strings = vectorJson("blns/blns.json") as ReadonlyArray<string>
    expect(strings.length).toBeGreaterThan(500)
    const codes = new Set(await roundTrip(strings))
    expect([...codes].toSorted()).toEqual(["empty", "placeholder_id", "too_long"])
  })
})

it("awkward strings of our own come back unchanged, or are refused by a stated rule", async () => {
  const awkward = [
    "\u2028line\u2029",
    "\u0001\u001f\u007f",
    "\ufeffmark",
    "\ufffe\uffff",
    "👩‍👩‍👧‍👦",
    "e\u0301 is not é",
    "'; DROP TABLE events; --",
    "a".repeat(100)
  ]
  expect(await roundTrip(awkward)).toEqual([])
  const refused = ["\u0000", "a\u0000b", "\ud800", "\udc00x", "__proto__", "constructor", "prototype"]
  expect(new Set(await roundTrip(refused))).toEqual(new Set(["null_character", "lone_surrogate", "forbidden_key"]))
})

interface FormatGroup {
  readonly tests: ReadonlyArray<{ readonly data: unknown; readonly valid: boolean; readonly description: string }>
}

const formatTests = (name: string) =>
  vectorsAreHere
    ? (vectorJson(`json-schema-formats/tests/draft2020-12/optional/format/${name}.json`) as ReadonlyArray<FormatGroup>)
        .flatMap((group) => group.tests)
        .filter((test) => typeof test.data === "string")
        .map((test) => [test.description, String(test.data), test.valid] as const)
    : []

/** Valid by RFC 3339, refused as `occurred_at` (docs/http-api.md, "What an event must be"). */
const stricter = (text: string): string | undefined => {
  if (!/^(?:19[7-9]\d|20\d\d|2100)/u.test(text)) return "years 1970–2100"
  if (/:60(?:\.|Z|[+-])/u.test(text)) return ":60 is rejected"
  return /\.\d{10,}/u.test(text) ? "up to nanosecond digits" : undefined
}

describe.skipIf(!vectorsAreHere)("RFC 3339 and UUID vectors", () => {
  const accepts = async (over: Record<string, unknown>) => (await server.post([event(over)])).status === 202

  it("are whole", () => {
    expect([formatTests("date-time").length, formatTests("uuid").length]).toEqual([27, 22])
  })

  it.each(formatTests("date-time"))("date-time: %s", async (_, text, valid) => {
    expect(await accepts({ occurred_at: text })).toBe(valid && stricter(text) === undefined)
  })

  it("each rule that is stricter than RFC 3339 is met by a vector", () => {
    const rules = formatTests("date-time")
      .filter(([, , valid]) => valid)
      .map(([, text]) => stricter(text))
    expect(new Set(rules).size).toBe(4)
  })

  it.each(formatTests("uuid"))("uuid: %s", async (_, text, valid) => {
    expect(await accepts({ event_id: text })).toBe(valid)
  })
})
