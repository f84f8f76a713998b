import { assert } from "@effect/vitest"
import { Effect } from "effect"
import fc from "fast-check"
import { type Event, EventBatch, parseJson, printJson, query, type RawParams, Warehouse } from "@millrace/core"
import { exactValue, NUMBER_TEXTS, numberText } from "./arbitraries/numbers.ts"
import { eventOf } from "./events.ts"
import type { WarehouseLaw } from "./largeHistoryLaws.ts"
import { runsOf } from "./runs.ts"

const COUNT = runsOf({ short: 40, whole: 100 }, "MILLRACE_PROPERTY_NUMBERS")
/** Numbers of one project, so few that a breakdown tells all of them apart. */
const TOGETHER = 24
const TIMEOUT_MILLIS = 60_000 + COUNT * 300

/**
 * Texts of numbers, the same in every run: fixed ones and generated ones, of which each long one comes with its
 * neighbour.
 */
export const numberTexts = (count = COUNT): ReadonlyArray<string> => {
  const generated = fc.sample(numberText, { numRuns: count, seed: 7 })
  return [...NUMBER_TEXTS, ...generated.flatMap((text) => [text, neighbourOf(text)])].slice(0, Math.max(count, 100))
}

/** The next integer, which often shares its double. */
const neighbourOf = (text: string) => (/^-?[1-9]\d*$/u.test(text) ? String(BigInt(text) + 1n) : text)

/**
 * Laws: numbers keep their digits in the warehouse, and no question takes one for another (docs/semantics.md, "Numbers").
 */
export const numberLaws = (law: WarehouseLaw): void => {
  const texts = numberTexts()
  const groups = Array.from({ length: Math.ceil(texts.length / TOGETHER) }, (_, index) => ({
    project_id: `g${index}`,
    texts: texts.slice(index * TOGETHER, (index + 1) * TOGETHER)
  }))
  law(
    "numbers: each comes back digit for digit, is found by `=` alone, and is a value of its own",
    allHold(groups),
    TIMEOUT_MILLIS
  )
}

interface Group {
  readonly project_id: string
  readonly texts: ReadonlyArray<string>
}

const RANGE = { from: "2026-01-01", to: "2026-01-01" }

const allHold = Effect.fnUntraced(function* (groups: ReadonlyArray<Group>) {
  const warehouse = yield* Warehouse
  const events = groups.flatMap((group) => eventsOfGroup(group))
  yield* warehouse.load({ batches: EventBatch.group(events), cursor: "1", duplicates: {} })
  for (const group of groups) {
    yield* comesBack(group)
    yield* isFound(group)
    yield* isOneValue(group)
  }
})

const eventsOfGroup = ({ project_id, texts }: Group): ReadonlyArray<Event> =>
  texts.map((text, index) =>
    eventOf(index + 1, { project_id, user_id: `u${index}`, event_type: "visit", properties: `{"n":${text}}` })
  )

const comesBack = Effect.fnUntraced(function* ({ project_id, texts }: Group) {
  const user_ids = texts.map((_, index) => `u${index}`)
  const history = yield* (yield* Warehouse).history({ project_id, user_ids }, { after: undefined, limit: 100 })
  const printed = history.map(({ properties }) => /^\{"n":(.*)\}$/u.exec(printJson(parseJson(properties))!)![1]!)
  assert.deepStrictEqual(printed.map(exactValue), texts.map(exactValue))
})

const isFound = Effect.fnUntraced(function* ({ project_id, texts }: Group) {
  const count = (where: string) => Effect.map(ask(project_id, { where }), (rows) => rows[0]?.value)
  const sameAs = (some: ReadonlyArray<string>) => {
    const values = new Set(some.map(exactValue))
    return texts.filter((text) => values.has(exactValue(text))).length
  }
  for (const text of texts) assert.strictEqual(yield* count(`properties.n = ${text}`), sameAs([text]), text)
  const [first] = texts
  const half = texts.filter((_, index) => index % 2 === 0)
  const unlike = `{"field":"properties.n","op":"!=","value":${first}}`
  assert.strictEqual(yield* count(unlike), texts.length - sameAs([first!]), first)
  assert.strictEqual(yield* count(`properties.n in (${half.join(", ")})`), sameAs(half))
})

const isOneValue = Effect.fnUntraced(function* ({ project_id, texts }: Group) {
  const rows = yield* ask(project_id, { breakdown: "properties.n" })
  const found = rows.map(({ breakdown, value }) => [exactValue(String(breakdown)), value] as const)
  const expected = Map.groupBy(texts, exactValue)
  assert.deepStrictEqual(new Map(found), new Map([...expected].map(([value, all]) => [value, all.length])))
  assert.strictEqual(found.length, expected.size)
  for (const { breakdown, value } of rows.filter((row) => typeof row.breakdown === "string").slice(0, 3)) {
    const listed = yield* query({
      metric: "trend/users",
      project_id,
      params: { ...RANGE, date: RANGE.from, breakdown: "properties.n", breakdown_value: String(breakdown) }
    })
    assert.strictEqual(listed.rows.length, value, String(breakdown))
  }
})

const ask = (project_id: string, params: RawParams) =>
  Effect.map(query({ metric: "trend", project_id, params: { ...RANGE, ...params } }), ({ rows }) => rows)
