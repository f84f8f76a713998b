import { eventsFrom, LONG_AFTER, type MetricExample } from "./example.ts"

const row = (event_type: string, events: number, users: number) => ({ event_type, events, users })

export const topEventsExamples: ReadonlyArray<MetricExample> = [
  {
    title: "top-events: by events, then by code point; $identify left out, capitals apart",
    metric: "top-events",
    params: { from: "2026-01-01", to: "2026-01-01", limit: 5 },
    as_of: LONG_AFTER,
    events: eventsFrom([
      ["a", "2026-01-01T00:00:00Z", "visit"],
      ["a", "2026-01-01T01:00:00Z", "visit"],
      ["b", "2026-01-01T02:00:00Z", "visit"],
      // U+1F600 sorts after U+FF5E by code point, before it by UTF-16 unit.
      ["a", "2026-01-01T03:00:00Z", "\u{1F600}"],
      ["a", "2026-01-01T04:00:00Z", "\uFF5E"],
      ["b", "2026-01-01T05:00:00Z", "Visit"],
      ["a", "2026-01-01T06:00:00Z", "é"],
      ["a", "2026-01-01T07:00:00Z", "zebra"],
      ["a", "2026-01-01T08:00:00Z", "$identify"],
      ["a", "2026-01-01T08:00:00Z", "$identify"],
      ["a", "2025-12-31T23:59:59Z", "zebra"],
      ["a", "2026-01-02T00:00:00Z", "zebra"]
    ]),
    rows: [row("visit", 3, 2), row("Visit", 1, 1), row("zebra", 1, 1), row("é", 1, 1), row("\uFF5E", 1, 1)]
  },
  {
    title: "top-events: the range is local dates (Australia/Lord_Howe, half an hour of summer time)",
    metric: "top-events",
    // Midnight of April 5 is at +11:00, midnight of April 6 at +10:30.
    params: { from: "2026-04-05", to: "2026-04-05", tz: "Australia/Lord_Howe" },
    as_of: LONG_AFTER,
    events: eventsFrom([
      ["a", "2026-04-04T12:59:59Z", "before"],
      ["a", "2026-04-04T13:00:00Z", "in"],
      ["b", "2026-04-05T13:29:59Z", "in"],
      ["a", "2026-04-05T13:30:00Z", "after"]
    ]),
    rows: [row("in", 2, 2)]
  },
  {
    title: "top-events: no events, no rows",
    metric: "top-events",
    params: { from: "2026-01-01", to: "2026-12-31" },
    as_of: LONG_AFTER,
    events: [],
    rows: []
  }
]
