import { eventsFrom, LONG_AFTER, type MetricExample, published } from "./example.ts"

const days = (user: string, ...of: ReadonlyArray<number>) =>
  of.map((day) => [user, `2020-01-${String(day).padStart(2, "0")}T12:00:00Z`] as const)

const rows = (first: number, counts: ReadonlyArray<readonly [number, number, number, number]>) =>
  counts.map(([entered, returning, resurrecting, dormant], index) => ({
    date: `2020-01-${String(first + index).padStart(2, "0")}`,
    new: entered,
    returning,
    resurrecting,
    dormant,
    complete: true
  }))

const events = eventsFrom([
  ...days("p1", 11, 12, 13, 15, 17, 19),
  ...days("p2", 9, 12),
  ...days("p3", 12),
  ...days("p4", 15)
])

const SOURCE = {
  product: "PostHog",
  file: "posthog/hogql_queries/insights/lifecycle/test/test_lifecycle_query_runner.py",
  commit: "30d5d25"
} as const

const postHog: ReadonlyArray<MetricExample> = [
  {
    title: "lifecycle: from the first event on (test_lifecycle_query_whole_range)",
    metric: "lifecycle",
    params: { from: "2020-01-09", to: "2020-01-19" },
    as_of: LONG_AFTER,
    events,
    rows: rows(9, [
      [1, 0, 0, 0],
      [0, 0, 0, -1],
      [1, 0, 0, 0],
      [1, 1, 1, 0],
      [0, 1, 0, -2],
      [0, 0, 0, -1],
      [1, 0, 1, 0],
      [0, 0, 0, -2],
      [0, 0, 1, 0],
      [0, 0, 0, -1],
      [0, 0, 1, 0]
    ])
  },
  {
    title: "lifecycle: the interval before the range counts (test_lifecycle_trend)",
    metric: "lifecycle",
    params: { from: "2020-01-12", to: "2020-01-19" },
    as_of: LONG_AFTER,
    events,
    rows: rows(12, [
      [1, 1, 1, 0],
      [0, 1, 0, -2],
      [0, 0, 0, -1],
      [1, 0, 1, 0],
      [0, 0, 0, -2],
      [0, 0, 1, 0],
      [0, 0, 0, -1],
      [0, 0, 1, 0]
    ])
  }
]

export const lifecycleExamples: ReadonlyArray<MetricExample> = [
  ...published(SOURCE, postHog),
  {
    title: "lifecycle: with a filter, the first event ever is the first that is left",
    metric: "lifecycle",
    params: { from: "2020-01-02", to: "2020-01-02", where: 'event_type = "buy"' },
    as_of: LONG_AFTER,
    events: eventsFrom([
      ["a", "2020-01-01T12:00:00Z", "visit"],
      ["a", "2020-01-02T12:00:00Z", "buy"]
    ]),
    rows: rows(2, [[1, 0, 0, 0]])
  }
]
