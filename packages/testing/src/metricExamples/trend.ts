import { eventsFrom, LONG_AFTER, type MetricExample } from "./example.ts"

const RANGE = { from: "2026-01-01", to: "2026-01-02" }

const series = (values: ReadonlyArray<number | null>, breakdown?: string | number | boolean) =>
  values.map((value, index) => ({
    date: `2026-01-0${index + 1}`,
    ...(breakdown === undefined ? {} : { breakdown }),
    value,
    complete: true
  }))

const amounts = eventsFrom([
  ["a", "2026-01-01T01:00:00Z", "buy", { amount: 10 }],
  ["a", "2026-01-01T02:00:00Z", "buy", { amount: 2.5 }],
  ["b", "2026-01-01T03:00:00Z", "buy", { amount: 4 }],
  ["b", "2026-01-01T04:00:00Z", "buy", { amount: "100" }],
  ["b", "2026-01-01T05:00:00Z", "buy", { amount: null }],
  ["c", "2026-01-01T06:00:00Z", "visit", { amount: 1_000 }],
  ["c", "2026-01-02T06:00:00Z", "buy"]
])

const MEASURES: ReadonlyArray<readonly [measure: string, first: number, second: number | null]> = [
  ["sum", 16.5, 0],
  ["avg", 5.5, null],
  ["min", 2.5, null],
  ["max", 10, null],
  ["p50", 4, null],
  ["p90", 10, null]
]

/** 27 types, the later the more frequent, and one that calls itself `$other`. */
const manyTypes = eventsFrom([
  ...Array.from({ length: 27 }, (_, type) =>
    Array.from({ length: type + 1 }, () => [`u${type % 2}`, "2026-01-01T00:00:00Z", `t${type}`] as const)
  ).flat(),
  ["u0", "2026-01-02T00:00:00Z", "$other"]
])

export const trendExamples: ReadonlyArray<MetricExample> = [
  ...MEASURES.map(([measure, first, second]) => ({
    title: `trend: ${measure} of numbers alone, of one event type`,
    metric: "trend" as const,
    params: { ...RANGE, measure, property: "amount", event_type: "buy" },
    as_of: LONG_AFTER,
    events: amounts,
    rows: series([first, second])
  })),
  {
    title: "trend: users by a property: values by type, then $none",
    metric: "trend",
    params: { ...RANGE, measure: "users", breakdown: "properties.v" },
    as_of: LONG_AFTER,
    events: eventsFrom([
      ["a", "2026-01-01T00:00:00Z", "x", { v: "1" }],
      ["a", "2026-01-01T00:00:00Z", "x", { v: 1 }],
      ["a", "2026-01-02T00:00:00Z", "x", { v: true }],
      ["a", "2026-01-01T00:00:00Z", "x", { v: "two" }],
      ["b", "2026-01-02T00:00:00Z", "x", { v: "two" }],
      ["a", "2026-01-02T00:00:00Z", "x", { v: [1] }],
      ["b", "2026-01-02T00:00:00Z", "x", { v: "$none" }],
      ["b", "2026-01-02T00:00:00Z", "x"]
    ]),
    rows: [
      ...series([1, 1], "two"),
      ...series([0, 1], true),
      ...series([1, 0], 1),
      ...series([1, 0], "1"),
      ...series([0, 2], "$none")
    ]
  },
  {
    title: "trend: 25 values, the rest is $other, with those that say so themselves",
    metric: "trend",
    params: { ...RANGE, breakdown: "event_type" },
    as_of: LONG_AFTER,
    events: manyTypes,
    rows: [
      ...Array.from({ length: 25 }, (_, place) => series([27 - place, 0], `t${26 - place}`)).flat(),
      ...series([3, 1], "$other")
    ]
  },
  {
    title: "trend: what cancels in a sum, cancels wholly",
    metric: "trend",
    params: { ...RANGE, measure: "sum", property: "v" },
    as_of: LONG_AFTER,
    events: eventsFrom([
      ...[1e16, 1, -1e16, 0.25].map((v) => ["a", "2026-01-01T00:00:00Z", "x", { v }] as const),
      ...[1e20, 1e10, 3, -1e20, -1e10, 0.5].map((v) => ["a", "2026-01-02T00:00:00Z", "x", { v }] as const)
    ]),
    rows: series([1.25, 3.5])
  },
  {
    title: "trend: values without any number have no part in a sum, and no negative one gives way to them",
    metric: "trend",
    params: { ...RANGE, measure: "sum", property: "v", breakdown: "properties.p" },
    as_of: LONG_AFTER,
    events: eventsFrom([
      ...Array.from({ length: 30 }, (_, place) => ["a", "2026-01-01T00:00:00Z", "x", { p: `none-${place}` }] as const),
      ["a", "2026-01-01T00:00:00Z", "x"],
      ["a", "2026-01-01T00:00:00Z", "x", { p: "loss", v: -2 }],
      ["a", "2026-01-02T00:00:00Z", "x", { p: "loss", v: "3" }]
    ]),
    rows: series([-2, 0], "loss")
  },
  {
    title: "trend: an hour that comes twice is two (Europe/Paris)",
    metric: "trend",
    params: { from: "2026-10-25", to: "2026-10-25", tz: "Europe/Paris", interval: "hour", where: "properties.n > 1" },
    as_of: LONG_AFTER,
    events: eventsFrom([
      ["a", "2026-10-25T00:30:00Z", "x", { n: 1 }],
      ["a", "2026-10-25T00:30:00Z", "x", { n: 2 }],
      ["a", "2026-10-25T01:30:00Z", "x", { n: 3 }],
      ["a", "2026-10-25T01:31:00Z", "x", { n: 4 }]
    ]),
    rows: Array.from({ length: 25 }, (_, index) => {
      const hour = String(index < 3 ? index : index - 1).padStart(2, "0")
      const date = `2026-10-25T${hour}:00:00+0${index < 3 ? 2 : 1}:00`
      return { date, value: index === 2 ? 1 : index === 3 ? 2 : 0, complete: true }
    })
  }
]
