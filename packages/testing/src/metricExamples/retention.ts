import { eventsFrom, instantOf, LONG_AFTER, type MetricExample, published, type Source } from "./example.ts"

/** Cells as counts; those from `openFrom` on are not complete. */
export const cohort = (date: string, users: ReadonlyArray<number>, openFrom = Infinity) => ({
  cohort: date,
  size: users[0],
  cells: users.map((count, index) => ({
    index,
    users: count,
    rate: users[0] === 0 ? 0 : count / users[0]!,
    complete: index < openFrom
  }))
})

/** The date as `_date(day)` of the cited tests: days after 2020-06-10, at 05:00. */
export const june = (day: number) => new Date(Date.UTC(2020, 5, 10 + day, 5)).toISOString()
const month = (offset: number) => new Date(Date.UTC(2020, 5 + offset, 10, 5)).toISOString()

const pad = (rows: ReadonlyArray<readonly [date: string, users: ReadonlyArray<number>]>, windows: number) =>
  rows.map(([date, users]) => cohort(date, [...users, ...Array.from({ length: windows - users.length }, () => 0)]))

const daily = eventsFrom([
  ...[0, 1, 2, 5, 5, 6].map((day) => ["p1", june(day)] as const),
  ...[1, 2, 3, 6].map((day) => ["p2", june(day)] as const)
])

const weekly = eventsFrom([
  ...[0, 1, 7, 14, 24, 31].map((day) => ["p1", june(day)] as const),
  ...[0, 1, 7, 24, 31, 45].map((day) => ["p2", june(day)] as const)
])

const weeklyCounts = [
  [2, 2, 1, 2, 2, 0, 1],
  [2, 1, 2, 2, 0, 1],
  [1, 1, 1, 0, 0, 0],
  [2, 2, 0, 1],
  [2, 0, 1],
  [0, 0],
  [1]
]

export const POSTHOG_RETENTION: Source = {
  product: "PostHog",
  file: "posthog/hogql_queries/insights/retention/test/test_retention_query_runner.py",
  commit: "02ace87"
}

const postHog: ReadonlyArray<MetricExample> = [
  {
    title: "retention: recurring by day (test_day_interval)",
    metric: "retention",
    params: { start_date: "2020-06-10", end_date: "2020-06-20", windows: 11, interval: "day", mode: "recurring" },
    as_of: LONG_AFTER,
    events: daily,
    rows: pad(
      [
        ["2020-06-10", [1, 1, 1, 0, 0, 1, 1]],
        ["2020-06-11", [2, 2, 1, 0, 1, 2]],
        ["2020-06-12", [2, 1, 0, 1, 2]],
        ["2020-06-13", [1, 0, 0, 1]],
        ["2020-06-14", [0]],
        ["2020-06-15", [1, 1]],
        ["2020-06-16", [2]],
        ["2020-06-17", [0]],
        ["2020-06-18", [0]],
        ["2020-06-19", [0]],
        ["2020-06-20", [0]]
      ],
      11
    )
  },
  ...(["sunday", "monday"] as const).map((week_start) => ({
    title: `retention: recurring by week from ${week_start} (test_week_interval)`,
    metric: "retention" as const,
    params: { start_date: "2020-06-10", windows: 7, mode: "recurring", week_start },
    as_of: LONG_AFTER,
    events: weekly,
    rows: pad(
      weeklyCounts.map((counts, week) => {
        const first = Date.UTC(2020, 5, (week_start === "sunday" ? 7 : 8) + 7 * week)
        return [new Date(first).toISOString().slice(0, 10), counts] as const
      }),
      7
    )
  })),
  {
    title: "retention: recurring by month (test_month_interval)",
    metric: "retention",
    params: { start_date: "2020-01-31", end_date: "2020-03-01", windows: 11, interval: "month", mode: "recurring" },
    as_of: LONG_AFTER,
    events: eventsFrom([
      ...[-5, -4, -3, -1, 0, 3].map((offset) => ["p1", month(offset)] as const),
      ...[-5, -4, -3, 0, 1, 5].map((offset) => ["p2", month(offset)] as const)
    ]),
    rows: pad(
      [
        ["2020-01-01", [2, 2, 2, 0, 1, 2, 1, 0, 1, 0, 1]],
        ["2020-02-01", [2, 2, 0, 1, 2, 1, 0, 1, 0, 1]],
        ["2020-03-01", [2, 0, 1, 2, 1, 0, 1, 0, 1]]
      ],
      11
    )
  },
  {
    title: "retention: recurring, on or after (test_rolling_retention_doesnt_double_count_same_user)",
    metric: "retention",
    params: {
      start_date: "2020-06-10",
      end_date: "2020-06-11",
      windows: 6,
      interval: "day",
      mode: "recurring",
      measure: "on-or-after"
    },
    as_of: LONG_AFTER,
    events: eventsFrom([
      ...[0, 3, 4].map((day) => ["p1", june(day)] as const),
      ...[0, 1].map((day) => ["p2", june(day)] as const),
      ...[1, 2, 3].map((day) => ["p3", june(day)] as const),
      ...[3, 4].map((day) => ["p4", june(day)] as const),
      ["p5", june(4)]
    ]),
    rows: pad(
      [
        ["2020-06-10", [2, 2, 1, 1, 1, 0]],
        ["2020-06-11", [2, 1, 1, 0, 0]]
      ],
      6
    )
  },
  {
    // Renewals 27, 50 and 28 hours after sign-up.
    title: "retention: 24-hour windows from the user's own sign-up (test_retention_data_warehouse_24h_window.py)",
    metric: "retention",
    params: {
      start_date: "2020-06-10",
      windows: 4,
      interval: "day",
      bucket: "rolling",
      start_event: "signup",
      return_event: "renewal",
      end_date: "2020-06-11"
    },
    as_of: LONG_AFTER,
    events: eventsFrom([
      ["a", "2020-06-10T20:00:00Z", "signup"],
      ["a", "2020-06-11T23:00:00Z", "renewal"],
      ["b", "2020-06-10T08:00:00Z", "signup"],
      ["b", "2020-06-12T10:00:00Z", "renewal"],
      ["c", "2020-06-11T21:00:00Z", "signup"],
      ["c", "2020-06-13T01:00:00Z", "renewal"],
      ["d", "2020-06-11T09:00:00Z", "signup"]
    ]),
    rows: pad(
      [
        ["2020-06-10", [2, 1, 1, 0]],
        ["2020-06-11", [2, 1]]
      ],
      4
    )
  }
]

const own: ReadonlyArray<MetricExample> = [
  {
    title: "retention: first-ever cohorts look at all history; empty cohorts in between are listed",
    metric: "retention",
    params: { start_date: "2026-01-14", windows: 3 },
    as_of: instantOf("2026-02-02T00:00:00Z"),
    events: eventsFrom([
      ["old", "2026-01-04T10:00:00Z"],
      ["old", "2026-01-13T10:00:00Z"],
      ["a", "2026-01-12T00:00:00Z"],
      ["a", "2026-01-19T00:00:00Z"],
      ["b", "2026-01-18T23:59:59Z"],
      ["b", "2026-01-26T00:00:00Z"],
      ["c", "2026-01-27T10:00:00Z"],
      ["new", "2026-01-20T10:00:00Z", "$identify"]
    ]),
    rows: [cohort("2026-01-12", [2, 1, 1]), cohort("2026-01-19", [0, 0, 0], 2), cohort("2026-01-26", [1, 0, 0], 1)]
  },
  {
    title: "retention: rolling cells begin exactly k lengths after the anchor",
    metric: "retention",
    params: { start_date: "2026-01-05", end_date: "2026-01-05", windows: 3, bucket: "rolling" },
    // The latest anchor is the last instant of January 11; its cell 1 ends on January 26.
    as_of: instantOf("2026-01-26T00:00:00Z"),
    events: eventsFrom([
      ["before", "2026-01-06T12:00:00Z"],
      ["before", "2026-01-13T11:59:59.999999Z"],
      ["at", "2026-01-06T12:00:00Z"],
      ["at", "2026-01-13T12:00:00Z"],
      ["two", "2026-01-06T12:00:00Z"],
      ["two", "2026-01-20T12:00:00Z"]
    ]),
    rows: [cohort("2026-01-05", [3, 1, 1], 2)]
  },
  {
    title: "retention: recurring rolling anchors are the first start event of each interval",
    metric: "retention",
    params: {
      start_date: "2026-01-01",
      end_date: "2026-01-02",
      windows: 2,
      interval: "day",
      bucket: "rolling",
      mode: "recurring"
    },
    as_of: LONG_AFTER,
    events: eventsFrom([
      ["a", "2026-01-01T12:00:00Z"],
      ["a", "2026-01-02T11:00:00Z"],
      ["a", "2026-01-03T10:59:59Z"]
    ]),
    rows: [cohort("2026-01-01", [1, 1]), cohort("2026-01-02", [1, 0])]
  },
  {
    title: "retention: $identify counts by name only",
    metric: "retention",
    params: { start_date: "2026-01-01", windows: 2, interval: "day", start_event: "$identify" },
    as_of: LONG_AFTER,
    events: eventsFrom([
      ["a", "2026-01-01T12:00:00Z", "$identify"],
      ["a", "2026-01-02T12:00:00Z"],
      ["b", "2026-01-01T12:00:00Z"]
    ]),
    rows: [cohort("2026-01-01", [1, 1]), cohort("2026-01-02", [0, 0])]
  },
  {
    title: "retention: the last interval is the latest date, even where the latest event shows an earlier one",
    metric: "retention",
    params: { start_date: "2006-10-28", windows: 1, interval: "day", tz: "America/St_Johns" },
    as_of: LONG_AFTER,
    // 00:00:30 of the 29th, then 23:59 of the 28th once more.
    events: eventsFrom([
      ["a", "2006-10-29T02:30:30Z"],
      ["b", "2006-10-29T03:29:00Z"]
    ]),
    rows: [cohort("2006-10-28", [1]), cohort("2006-10-29", [1])]
  },
  {
    title: "retention: a user who returns twice within one rolling cell counts once",
    metric: "retention",
    params: { start_date: "2026-01-05", end_date: "2026-01-05", windows: 2, bucket: "rolling" },
    as_of: LONG_AFTER,
    events: eventsFrom([
      ["a", "2026-01-06T12:00:00Z"],
      ["a", "2026-01-13T13:00:00Z"],
      ["a", "2026-01-14T13:00:00Z"]
    ]),
    rows: [cohort("2026-01-05", [1, 1])]
  },
  {
    title: "retention: returns more than 62 intervals after the first cohort",
    metric: "retention",
    params: { start_date: "2026-01-01", end_date: "2026-03-05", windows: 3, interval: "day" },
    as_of: LONG_AFTER,
    // March 3 is day 61, March 4 day 62.
    events: eventsFrom([
      ["a", "2026-03-03T00:00:00Z"],
      ["a", "2026-03-04T23:59:59Z"],
      ["b", "2026-03-03T12:00:00Z"],
      ["b", "2026-03-05T00:00:00Z"],
      ["c", "2026-03-04T00:00:00Z"],
      ["c", "2026-03-05T23:59:59Z"]
    ]),
    rows: [
      ...Array.from({ length: 61 }, (_, day) =>
        cohort(new Date(Date.UTC(2026, 0, 1 + day)).toISOString().slice(0, 10), [0, 0, 0])
      ),
      cohort("2026-03-03", [2, 1, 1]),
      cohort("2026-03-04", [1, 1, 0]),
      cohort("2026-03-05", [0, 0, 0])
    ]
  },
  {
    title: "retention: no event, no cohort",
    metric: "retention",
    params: { start_date: "2026-01-01" },
    as_of: LONG_AFTER,
    events: eventsFrom([["a", "2025-12-01T00:00:00Z"]]),
    rows: []
  }
]

export const retentionExamples: ReadonlyArray<MetricExample> = [...published(POSTHOG_RETENTION, postHog), ...own]
