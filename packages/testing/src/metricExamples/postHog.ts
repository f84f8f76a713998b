import { eventsFrom, LONG_AFTER, type MetricExample, published } from "./example.ts"
import { cohort, june, POSTHOG_RETENTION } from "./retention.ts"

const date = (day: number) => june(day).slice(0, 10)

/** A row for each day from June 10 on, 11 cells wide or as wide as the first row; what has not begun is 0. */
const table = (rows: ReadonlyArray<ReadonlyArray<number>>, breakdown?: string) => {
  const windows = rows[0]!.length
  return rows.map((cells, day) => ({
    ...(breakdown === undefined ? {} : { breakdown }),
    ...cohort(date(day), [...cells, ...Array.from({ length: windows - cells.length }, () => 0)])
  }))
}

const visits = eventsFrom([
  ...[0, 1, 2, 5, 5, 6].map((day) => ["p1", june(day)] as const),
  ...[1, 2, 3, 6].map((day) => ["p2", june(day)] as const)
])

const browsers = [
  ["p1", "Chrome", [0, 1, 3]],
  ["p3", "Chrome", [0, 2]],
  ["p2", "Safari", [0, 1, 4]],
  ["p4", "Firefox", [0, 5]]
] as const

const browsed = browsers.flatMap(([user, browser, days]) =>
  days.map((day) => [user, june(day), "$pageview", { browser }] as const)
)

const once = (user: string, day: number, browser: string) => [user, june(day), "$pageview", { browser }] as const

const recurring = { start_date: "2020-06-10", interval: "day", mode: "recurring" }
const byBrowser = { ...recurring, end_date: "2020-06-15", windows: 6, breakdown: "properties.browser" }

const listed = (...users: ReadonlyArray<string>) => users.map((user_id) => ({ user_id }))

export const postHogExamples: ReadonlyArray<MetricExample> = published(POSTHOG_RETENTION, [
  {
    title: "retention: at least two occurrences (test_all_events_with_minimum_occurrences)",
    metric: "retention",
    params: { ...recurring, end_date: "2020-06-20", windows: 11, minimum_occurrences: 2 },
    as_of: LONG_AFTER,
    events: visits,
    rows: table([
      [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0],
      [2, 0, 0, 0, 1],
      [2, 0, 0, 1],
      [1],
      [0],
      [1],
      [2],
      [0],
      [0],
      [0],
      [0]
    ])
  },
  {
    title: "retention: by the browser of the start event (test_retention_with_breakdown_event_properties)",
    metric: "retention",
    params: byBrowser,
    as_of: LONG_AFTER,
    events: eventsFrom(browsed),
    rows: [
      ...table([[2, 1, 1, 1, 0, 0], [1, 0, 1], [1], [1], [0], [0]], "Chrome"),
      ...table([[1, 0, 0, 0, 0, 1], [0], [0], [0], [0], [1]], "Firefox"),
      ...table([[1, 1, 0, 0, 1, 0], [1, 0, 0, 1], [0], [0], [1], [0]], "Safari")
    ]
  },
  {
    title:
      "retention: by browser, at least two occurrences (test_retention_with_breakdown_event_properties_and_minimum_occurrences)",
    metric: "retention",
    params: { ...byBrowser, minimum_occurrences: 2 },
    as_of: LONG_AFTER,
    events: eventsFrom([
      ...browsed,
      ...browsed,
      once("p1", 5, "Chrome"),
      once("p2", 2, "Safari"),
      once("p3", 3, "Chrome"),
      once("p4", 3, "Firefox")
    ]),
    rows: [
      ...table([[2, 1, 1, 1, 0, 0], [1, 0, 1], [1], [2], [0], [1]], "Chrome"),
      ...table([[1, 0, 0, 0, 0, 1], [0], [0], [1, 0, 1], [0], [1]], "Firefox"),
      ...table([[1, 1, 0, 0, 1, 0], [1, 0, 0, 1], [1, 0, 1], [0], [1], [0]], "Safari")
    ]
  },
  {
    title: "retention/users: who is in the first cohort (test_retention_people_basic)",
    metric: "retention/users",
    params: { ...recurring, windows: 11, cohort: "2020-06-10", cell: 0 },
    as_of: LONG_AFTER,
    events: visits,
    rows: listed("p1")
  },
  ...(
    [
      [1, ["p2"]],
      [3, ["p1"]],
      [4, ["p1", "p2"]],
      [5, ["p2"]]
    ] as const
  ).map(([cell, users]) => ({
    title: `retention/users: of the third cohort, back ${cell} days later (test_retention_people_in_period)`,
    metric: "retention/users" as const,
    params: { ...recurring, windows: 11, cohort: "2020-06-12", cell },
    as_of: LONG_AFTER,
    events: eventsFrom([
      ...[0, 1, 2, 5, 5, 6].map((day) => ["p1", june(day)] as const),
      ...[1, 2, 3, 6, 7].map((day) => ["p2", june(day)] as const)
    ]),
    rows: listed(...users)
  })),
  {
    title: "retention: a start event and another to return with (test_retention_multiple_events)",
    metric: "retention",
    params: {
      ...recurring,
      end_date: "2020-06-16",
      windows: 7,
      start_event: "$some_event",
      return_event: "$pageview"
    },
    as_of: LONG_AFTER,
    events: eventsFrom([
      ...["p1", "p2"].flatMap((user) => [0, 1, 2, 3].map((day) => [user, june(day), "$some_event"] as const)),
      ["p3", june(5), "$some_event"],
      ["p1", june(5), "$pageview"],
      ["p1", june(6), "$pageview"],
      ["p2", june(5), "$pageview"]
    ]),
    rows: table([[2, 0, 0, 0, 0, 2, 1], [2, 0, 0, 0, 2, 1], [2, 0, 0, 2, 1], [2, 0, 2, 1], [0], [1], [0]])
  }
])
