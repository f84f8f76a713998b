import { eventsFrom, instantOf, LONG_AFTER, type MetricExample } from "./example.ts"

const row = (date: string, users: number, complete = true) => ({ date, users, complete })

const trailing = (date: string, users: number, wau: number, mau: number) => ({
  ...row(date, users),
  wau,
  mau,
  dau_wau: wau === 0 ? 0 : users / wau,
  dau_mau: mau === 0 ? 0 : users / mau
})

export const activeUsersExamples: ReadonlyArray<MetricExample> = [
  {
    title: "dau: distinct users per UTC day, zero-filled, both ends included, $identify left out",
    metric: "dau",
    params: { from: "2026-01-01", to: "2026-01-04" },
    as_of: instantOf("2026-01-04T12:00:00Z"),
    events: eventsFrom([
      ["a", "2025-12-31T23:59:59.999999Z"],
      ["a", "2026-01-01T00:00:00Z"],
      ["a", "2026-01-01T10:00:00Z", "purchase"],
      ["b", "2026-01-01T23:59:59.999999Z"],
      ["c", "2026-01-02T01:00:00Z", "$identify"],
      ["A", "2026-01-04T00:00:00Z"],
      ["a", "2026-01-04T23:00:00Z"],
      ["a", "2026-01-05T00:00:00Z"]
    ]),
    rows: [row("2026-01-01", 2), row("2026-01-02", 0), row("2026-01-03", 0), row("2026-01-04", 2, false)]
  },
  {
    title: "dau: days of 23 and 25 hours are one row (Europe/Paris)",
    metric: "dau",
    params: { from: "2026-03-28", to: "2026-03-29", tz: "Europe/Paris" },
    // The 29th ends at 22:00Z, an hour earlier than its start would suggest.
    as_of: instantOf("2026-03-29T22:00:00Z"),
    events: eventsFrom([
      ["a", "2026-03-28T22:59:59Z"],
      ["b", "2026-03-28T23:00:00Z"],
      ["c", "2026-03-29T21:59:59Z"],
      ["d", "2026-03-29T22:00:00Z"]
    ]),
    rows: [row("2026-03-28", 1), row("2026-03-29", 2)]
  },
  {
    title: "dau: after midnight the clock runs back into the day before (America/St_Johns 2006-10-29)",
    metric: "dau",
    params: { from: "2006-10-28", to: "2006-10-29", tz: "America/St_Johns" },
    // 00:01 −02:30 is 02:31Z; the clock then shows 23:01 of the 28th until 03:30Z.
    as_of: instantOf("2006-10-29T03:00:00Z"),
    events: eventsFrom([
      ["before-midnight", "2006-10-29T02:29:59Z"],
      ["first-minute-of-29", "2006-10-29T02:30:30Z"],
      ["back-on-28", "2006-10-29T02:31:00Z"],
      ["on-29-again", "2006-10-29T03:30:00Z"]
    ]),
    rows: [row("2006-10-28", 2, false), row("2006-10-29", 2, false)]
  },
  {
    title: "dau: a day that never was keeps its row (Pacific/Apia 2011-12-30)",
    metric: "dau",
    params: { from: "2011-12-29", to: "2011-12-31", tz: "Pacific/Apia" },
    as_of: instantOf("2011-12-30T10:00:00Z"),
    events: eventsFrom([
      ["a", "2011-12-30T09:59:59Z"],
      ["a", "2011-12-30T10:00:00Z"]
    ]),
    rows: [row("2011-12-29", 1), row("2011-12-30", 0), row("2011-12-31", 1, false)]
  },
  {
    title: "active-users by hour: a repeated hour is two rows (Europe/Paris, 2026-10-25)",
    metric: "active-users",
    params: { from: "2026-10-25", to: "2026-10-25", tz: "Europe/Paris", interval: "hour" },
    as_of: instantOf("2026-10-25T01:30:00Z"),
    events: eventsFrom([
      ["a", "2026-10-25T00:30:00Z"],
      ["a", "2026-10-25T01:10:00Z"],
      ["b", "2026-10-25T01:20:00Z"]
    ]),
    rows: [
      ...["00", "01"].map((hour) => row(`2026-10-25T${hour}:00:00+02:00`, 0)),
      row("2026-10-25T02:00:00+02:00", 1),
      row("2026-10-25T02:00:00+01:00", 2, false),
      ...Array.from({ length: 21 }, (_, index) =>
        row(`2026-10-25T${String(index + 3).padStart(2, "0")}:00:00+01:00`, 0, false)
      )
    ]
  },
  {
    title: "active-users by week: every touched week is counted whole, by either week start",
    metric: "active-users",
    params: { from: "2026-01-07", to: "2026-01-12", interval: "week", week_start: "sunday" },
    as_of: instantOf("2026-01-11T00:00:00Z"),
    events: eventsFrom([
      ["a", "2026-01-03T23:00:00Z"],
      ["b", "2026-01-04T00:00:00Z"],
      ["c", "2026-01-10T23:59:59Z"],
      ["d", "2026-01-17T12:00:00Z"]
    ]),
    rows: [row("2026-01-04", 2), row("2026-01-11", 1, false)]
  },
  {
    title: "active-users by month: months of the zone, not of UTC",
    metric: "active-users",
    params: { from: "2026-01-31", to: "2026-02-01", interval: "month", tz: "America/New_York" },
    as_of: LONG_AFTER,
    events: eventsFrom([
      ["a", "2026-01-01T04:59:59Z"],
      ["b", "2026-01-01T05:00:00Z"],
      ["c", "2026-02-01T04:59:59Z"],
      ["c", "2026-02-01T05:00:00Z"]
    ]),
    rows: [row("2026-01-01", 2), row("2026-02-01", 1)]
  },
  // At five in the afternoon of the zone's own clock.
  ...(
    [
      ["UTC", "Z"],
      ["America/Los_Angeles", "-08:00"],
      ["Asia/Tokyo", "+09:00"],
      ["Asia/Kathmandu", "+05:45"]
    ] as const
  ).map(([tz, offset]) => ({
    title: `rolling: weekly actives of one user active on January 2 and 3, ${tz} (test_timezones_daily)`,
    source: {
      product: "PostHog" as const,
      file: "posthog/hogql_queries/insights/trends/test/test_trends.py",
      commit: "02ace87"
    },
    metric: "dau" as const,
    params: { from: "2019-12-29", to: "2020-01-05", rolling: true, tz },
    as_of: LONG_AFTER,
    events: eventsFrom([
      ["a", `2020-01-02T17:00:00${offset}`],
      ["a", `2020-01-03T17:00:00${offset}`]
    ]),
    rows: [
      ...["2019-12-29", "2019-12-30", "2019-12-31", "2020-01-01"].map((date) => trailing(date, 0, 0, 0)),
      trailing("2020-01-02", 1, 1, 1),
      trailing("2020-01-03", 1, 1, 1),
      trailing("2020-01-04", 0, 1, 1),
      trailing("2020-01-05", 0, 1, 1)
    ]
  })),
  {
    title: "rolling: windows look back before from, and end after 7 and 30 days",
    metric: "active-users",
    params: { from: "2026-01-30", to: "2026-02-01", rolling: true },
    as_of: LONG_AFTER,
    events: eventsFrom([
      ["a", "2026-01-01T12:00:00Z"],
      ["b", "2026-01-02T12:00:00Z"],
      ["c", "2026-01-25T12:00:00Z"],
      ["c", "2026-01-26T12:00:00Z"],
      ["d", "2026-01-24T12:00:00Z"],
      ["a", "2026-02-01T12:00:00Z"]
    ]),
    rows: [trailing("2026-01-30", 0, 2, 4), trailing("2026-01-31", 0, 1, 3), trailing("2026-02-01", 1, 2, 3)]
  }
]
