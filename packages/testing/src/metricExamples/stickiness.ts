import { eventsFrom, LONG_AFTER, type MetricExample, published } from "./example.ts"

const events = eventsFrom(
  Array.from({ length: 9 }, (_, index) => index + 11).flatMap((day) =>
    (["p1", "p2"] as const)
      .filter((user) => user === "p1" || day % 2 === 1)
      .flatMap((user) => ["$pageview", "$pageleave"].map((type) => [user, `2020-01-${day}T12:00:00Z`, type] as const))
  )
)

const histogram = (users: ReadonlyArray<number>) =>
  users.map((count, index) => ({
    intervals: index + 1,
    users: count,
    at_least: users.slice(index).reduce((sum, more) => sum + more, 0)
  }))

const SOURCE = {
  product: "PostHog",
  file: "posthog/hogql_queries/insights/stickiness/test/test_stickiness_query_runner.py",
  commit: "14f7fdc"
} as const

export const stickinessExamples: ReadonlyArray<MetricExample> = published(SOURCE, [
  {
    title: "stickiness: by day, nine and five days (test_interval_day)",
    metric: "stickiness",
    params: { from: "2020-01-11", to: "2020-01-20", event_type: "$pageview" },
    as_of: LONG_AFTER,
    events,
    rows: histogram([0, 0, 0, 0, 1, 0, 0, 0, 1, 0])
  },
  {
    title: "stickiness: by week from Sunday, both in all three (test_interval_week)",
    metric: "stickiness",
    params: { from: "2020-01-11", to: "2020-01-20", interval: "week", week_start: "sunday" },
    as_of: LONG_AFTER,
    events,
    rows: histogram([0, 0, 2])
  }
])
