import { ask, type CountingName, countingNames, decodeParams, metrics } from "@millrace/core"
import { eventsOf, leastParams } from "@millrace/testing"
import { Result, Schema } from "effect"
import { displayWidth } from "effect/cli/CliOutput"
import { expect, it } from "vitest"
import { duration } from "../src/render/drawings.ts"
import { answerOf, renderAnswer } from "../src/render/renderAnswer.ts"
import { renderMembers } from "../src/render/members.ts"
import { labelOf } from "../src/render/table.ts"

const plain = { colour: false, width: 60 }
const as_of = "2026-01-03T12:00:00Z"
const range = { from: "2026-01-01", to: "2026-01-02", tz: "UTC", interval: "day" }
const day = (date: string, value: number | null, complete = true) => ({ date, value, complete })

it("trend: a bar for each interval, a dash where there is no number", () => {
  const params = { ...range, measure: "avg", property: "amount" }
  const rows = [day("2026-01-01", 12.3456), day("2026-01-02", null, false)]
  expect(renderAnswer("trend", { params, as_of, rows }, plain)).toEqual([
    "avg of amount per day  2026-01-01 … 2026-01-02  UTC  as of 2026-01-03T12:00:00Z",
    "",
    "date         avg of amount",
    `2026-01-01          12.346  ${"█".repeat(31)}`,
    "2026-01-02*              –",
    "",
    "*  not over yet at that instant"
  ])
})

it("trend by a property: one line and one curve for each value, of one scale", () => {
  const of = (breakdown: string | number, values: ReadonlyArray<number>) =>
    values.map((value, index) => ({ ...day(`2026-01-0${index + 1}`, value), breakdown }))
  const rows = [...of("pro", [8, 4]), ...of("1", [1, 0]), ...of(1, [0, 8]), ...of("$none", [2, 2])]
  const params = { ...range, breakdown: "properties.plan" }
  expect(renderAnswer("trend", { params, as_of, rows }, plain).slice(2)).toEqual([
    "value  least  latest  most",
    "pro        4       4     8  █▄",
    '"1"        0       0     1  ▁',
    "1          0       8     8   █",
    "$none      2       2     2  ▂▂"
  ])
})

it("labels: a text that looks like something else stands in quotes, and none steers the terminal", () => {
  expect(["pro", "true", "-1", "", true, 2, "a\u001b[2J"].map(labelOf)).toEqual([
    "pro",
    '"true"',
    '"-1"',
    '""',
    "true",
    "2",
    String.raw`a\u001b[2J`
  ])
})

it("funnel: names of steps, shares and times; attempts that could go on are marked", () => {
  const steps = [
    { field: "event_type", op: "=", value: "visit" },
    {
      and: [
        { field: "event_type", op: "=", value: "buy" },
        { field: "properties.amount", op: ">", value: 10 }
      ]
    }
  ]
  const row = { from_previous: 1, from_first: 1, median_seconds: null, mean_seconds: null, complete: false }
  const rows = [
    { ...row, step: 1, users: 1_200 },
    { ...row, step: 2, users: 300, from_previous: 0.25, from_first: 0.25, median_seconds: 90, mean_seconds: 100_000 }
  ]
  const params = { ...range, steps, window: "2d" }
  expect(renderAnswer("funnel", { params, as_of, rows }, plain).slice(2)).toEqual([
    "step      users  of first  of previous  median   mean",
    "1 visit*  1,200    100.0%       100.0%       –      –  ████████",
    "2 buy …*    300     25.0%        25.0%  1m 30s  1d 3h  ██",
    "",
    "*  some attempts could still go on at that instant"
  ])
})

it("durations: two units at most", () => {
  expect([null, 0, 4.24, 60, 3_661, 90_000, 86_400].map(duration)).toEqual([
    "–",
    "0s",
    "4.2s",
    "1m",
    "1h 1m",
    "1d 1h",
    "1d"
  ])
})

it("lifecycle: who went to the left of the line, who is active to the right", () => {
  const row = { date: "2026-01-01", new: 2, returning: 1, resurrecting: 1, dormant: -2, complete: true }
  expect(renderAnswer("lifecycle", { params: range, as_of, rows: [row] }, plain).slice(2)).toEqual([
    "date        new  returning  resurrecting  dormant    gone│active",
    "2026-01-01    2          1             1       -2     ███│██████"
  ])
})

it("stickiness: up to the most intervals that anybody reached", () => {
  const rows = [
    { intervals: 1, users: 3, at_least: 4 },
    { intervals: 2, users: 1, at_least: 1 },
    { intervals: 3, users: 0, at_least: 0 }
  ]
  expect(renderAnswer("stickiness", { params: range, as_of, rows }, plain).slice(2)).toEqual([
    "days  users  or more   share",
    `   1      3        4  100.0%  ${"█".repeat(29)}`,
    `   2      1        1   25.0%  ${"█".repeat(9)}▋`
  ])
})

it("paths: from, to and how often", () => {
  const rows = [{ from: "visit", to: "buy", transitions: 3, users: 2 }]
  expect(renderAnswer("paths", { params: range, as_of, rows }, plain).slice(2)).toEqual([
    "from   to     times  users",
    `visit  → buy      3      2  ${"█".repeat(31)}`
  ])
  expect(renderAnswer("paths", { params: range, as_of, rows: [] }, plain)).toContain(
    "nothing followed anything in this range"
  )
})

const by = { ...range, breakdown: "properties.plan", breakdown_of: "user" }

it("a breakdown: one block for each value, under its name, and what it is by in the title", () => {
  const rows = [
    { breakdown: "pro", event_type: "visit", events: 4, users: 2 },
    { breakdown: "1", event_type: "visit", events: 1, users: 1 },
    { breakdown: "$none", event_type: "buy", events: 2, users: 1 }
  ]
  expect(renderAnswer("top-events", { params: by, as_of, rows }, { ...plain, width: 30 })).toEqual([
    "top events by properties.plan of the user  2026-01-01 … 2026-01-02  UTC  as of 2026-01-03T12:00:00Z",
    "",
    "pro",
    "event type  events  users",
    "visit            4      2  ████████",
    "",
    '"1"',
    "event type  events  users",
    "visit            1      1  ████████",
    "",
    "$none",
    "event type  events  users",
    "buy              2      1  ████████"
  ])
})

it("active users by a property are curves, retention is a heat map for each value", () => {
  const users = (breakdown: string, date: string, count: number) => ({ breakdown, date, users: count, complete: true })
  const active = [users("pro", "2026-01-01", 8), users("pro", "2026-01-02", 4), users("free", "2026-01-01", 1)]
  expect(renderAnswer("dau", { params: by, as_of, rows: active }, plain).slice(2)).toEqual([
    "value  least  latest  most",
    "pro        4       4     8  █▄",
    "free       1       1     1  ▁"
  ])
  const cohort = (breakdown: string, returned: number) => ({
    breakdown,
    cohort: "2026-01-01",
    size: 4,
    cells: [4, returned].map((count, index) => ({ index, users: count, rate: count / 4, complete: true }))
  })
  const rows = [cohort("pro", 2), cohort("free", 1)]
  expect(renderAnswer("retention", { params: { ...by, interval: "week" }, as_of, rows }, plain).slice(2)).toEqual([
    "pro",
    "cohort      users       0       +1w",
    "2026-01-01      4    100% ██  50.0% ██",
    "",
    "free",
    "cohort      users       0       +1w",
    "2026-01-01      4    100% ██  25.0% ██"
  ])
})

it("users of a cell: one a line, and how to go on where the page is full", () => {
  const params = { ...range, date: "2026-01-01", column: "users", limit: 2 }
  const rows = ["ann", "b\u001b[2J"].map((user_id) => ({ user_id }))
  expect(renderMembers("dau", { params, as_of, rows }, plain)).toEqual([
    "users of dau, date=2026-01-01 column=users  2026-01-01 … 2026-01-02  UTC  as of 2026-01-03T12:00:00Z",
    "",
    "ann",
    String.raw`b\u001b[2J`,
    "",
    String.raw`there may be more: --after "b\u001b[2J"`
  ])
  expect(renderMembers("dau", { params, as_of, rows: [] }, plain).at(-1)).toBe("nobody")
})

it("bars and curves begin in one column, however wide letters are", () => {
  const before = (lines: ReadonlyArray<string>) =>
    lines.filter((line) => line.includes("█")).map((line) => displayWidth(line.slice(0, line.indexOf("█"))))
  const events = ["漢字漢字漢字漢字", "visit", "\u{1F600}\u{1F600}\u{1F600}\u{1F600}\u{1F600}"]
  const types = events.map((event_type) => ({ event_type, events: 1, users: 1 }))
  const bars = before(renderAnswer("top-events", { params: range, as_of, rows: types }, plain))
  const rows = events.map((breakdown) => ({ ...day("2026-01-01", 8), breakdown }))
  const params = { ...range, breakdown: "event_type" }
  const curves = before(renderAnswer("trend", { params, as_of, rows }, plain))
  expect([bars.length, new Set(bars).size, curves.length, new Set(curves).size]).toEqual([3, 1, 3, 1])
})

const answered = (name: CountingName, more: Readonly<Record<string, string>>) => {
  const asked = { ...leastParams(name, { from: "2026-01-01", to: "2026-01-02" }), ...more }
  const params = Result.getOrThrow(decodeParams(name, asked))
  const question = ask<CountingName, never, object>(metrics[name] as never, params as never, {
    project_id: "any",
    as_of: 0
  })
  return JSON.stringify({ metric: name, params, as_of: null, rows: question.reference(eventsOf(1, 30)) })
}

it("every metric's answer is read by its own Schema and drawn, whole and for each value, with nothing left unsaid", () => {
  for (const name of countingNames) {
    for (const more of [{}, { breakdown: "event_type" }]) {
      const shown = Schema.decodeUnknownSync(answerOf(name))(answered(name, more))
      const lines = renderAnswer(name, shown, plain)
      expect(lines.length).toBeGreaterThan(3)
      expect(lines.join("\n")).not.toMatch(/undefined|NaN|\[object|no rows/u)
    }
  }
})
