import { eventsFrom, LONG_AFTER, type MetricExample } from "./example.ts"

const row = (from: string, to: string, transitions: number, users = transitions) => ({ from, to, transitions, users })
const url = (path: string) => ({ $current_url: path })

const half = (count: number) => new Date(Date.UTC(2026, 0, 1, 0, 30 * count)).toISOString()

export const pathsExamples: ReadonlyArray<MetricExample> = [
  {
    // Without the positions that names have there.
    title: "paths: pages of four people (test_current_url_paths_and_logic)",
    source: {
      product: "PostHog",
      file: "posthog/hogql_queries/insights/paths/test/test_paths_query_runner.py",
      commit: "5d8ab12"
    },
    metric: "paths",
    params: { from: "2012-01-08", to: "2012-01-15", property: "$current_url" },
    as_of: LONG_AFTER,
    events: eventsFrom([
      ["fake", "2012-01-01T03:21:34Z", "$pageview", url("/")],
      ["fake", "2012-01-01T03:21:34Z", "$pageview", url("/about")],
      ["1", "2012-01-14T03:21:34Z", "$pageview", url("/")],
      ["1", "2012-01-14T03:28:34Z", "$pageview", url("/about")],
      ["2", "2012-01-14T03:21:34Z", "$pageview", url("/")],
      ["2", "2012-01-14T03:28:34Z", "$pageview", url("/pricing")],
      ["2", "2012-01-14T03:29:34Z", "$pageview", url("/about")],
      ["3", "2012-01-14T03:21:34Z", "$pageview", url("/pricing")],
      ["3", "2012-01-14T03:28:34Z", "$pageview", url("/")],
      ["4", "2012-01-14T03:21:34Z", "$pageview", url("/")],
      ["4", "2012-01-14T03:28:34Z", "$pageview", url("/pricing")]
    ]),
    rows: [row("/", "/pricing", 2), row("/", "/about", 1), row("/pricing", "/", 1), row("/pricing", "/about", 1)]
  },
  {
    title: "paths: half an hour of idleness is one session, a microsecond more is two",
    metric: "paths",
    params: { from: "2026-01-01", to: "2026-01-01" },
    as_of: LONG_AFTER,
    events: eventsFrom([
      ["a", "2026-01-01T00:00:00Z", "x"],
      ["a", "2026-01-01T00:30:00Z", "y"],
      ["a", "2026-01-01T01:00:00.000001Z", "z"]
    ]),
    rows: [row("x", "y", 1)]
  },
  {
    title: "paths: a session lasts 24 hours, the last instant included; at the next both events of one instant are new",
    metric: "paths",
    params: { from: "2026-01-01", to: "2026-01-03" },
    as_of: LONG_AFTER,
    events: eventsFrom([
      ...Array.from({ length: 48 }, (_, count) => ["a", half(count), "x"] as const),
      ["a", half(48), "end"],
      ["a", half(49), "new"],
      ["a", half(49), "twin"],
      ["a", half(50), "last"]
    ]),
    rows: [row("x", "x", 47, 1), row("new", "twin", 1), row("twin", "last", 1), row("x", "end", 1)]
  }
]
