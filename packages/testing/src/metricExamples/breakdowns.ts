import { eventsFrom, LONG_AFTER, type MetricExample } from "./example.ts"
import { cohort } from "./retention.ts"

/** Ann changes from free to pro, Bob never says; on the second day both are there. */
const events = eventsFrom([
  ["ann", "2026-01-01T09:00:00Z", "visit", { plan: "free" }],
  ["ann", "2026-01-01T10:00:00Z", "visit", { plan: "pro" }],
  ["bob", "2026-01-01T11:00:00Z", "visit"],
  ["ann", "2026-01-02T09:00:00Z", "visit"],
  ["bob", "2026-01-02T09:00:00Z", "visit"]
])

const RANGE = { from: "2026-01-01", to: "2026-01-02" }
const day = (breakdown: string, date: string, users: number) => ({ breakdown, date, users, complete: true })

export const breakdownExamples: ReadonlyArray<MetricExample> = [
  {
    title: "dau: by the events' plan, a user is in each that her events have",
    metric: "dau",
    params: { ...RANGE, breakdown: "properties.plan" },
    as_of: LONG_AFTER,
    events,
    rows: [
      day("free", "2026-01-01", 1),
      day("free", "2026-01-02", 0),
      day("pro", "2026-01-01", 1),
      day("pro", "2026-01-02", 0),
      day("$none", "2026-01-01", 1),
      day("$none", "2026-01-02", 2)
    ]
  },
  {
    title: "dau: by the users' plan, each is in the latest that she had",
    metric: "dau",
    params: { ...RANGE, breakdown: "properties.plan", breakdown_of: "user" },
    as_of: LONG_AFTER,
    events,
    rows: [
      day("pro", "2026-01-01", 1),
      day("pro", "2026-01-02", 1),
      day("$none", "2026-01-01", 1),
      day("$none", "2026-01-02", 1)
    ]
  },
  {
    title: "dau/users: of those without a plan on the second day, the first page",
    metric: "dau/users",
    params: { ...RANGE, date: "2026-01-02", breakdown: "properties.plan", breakdown_value: "$none", limit: 1 },
    as_of: LONG_AFTER,
    events,
    rows: [{ user_id: "ann" }]
  },
  {
    title: "lifecycle: by plan, a list is no plan, in earlier days too",
    metric: "lifecycle",
    params: { from: "2026-01-02", to: "2026-01-02", breakdown: "properties.plan" },
    as_of: LONG_AFTER,
    events: eventsFrom([
      ["ann", "2026-01-01T09:00:00Z", "visit", { plan: ["pro"] }],
      ["ann", "2026-01-02T09:00:00Z", "visit"]
    ]),
    rows: [
      { breakdown: "$none", date: "2026-01-02", new: 0, returning: 1, resurrecting: 0, dormant: 0, complete: true }
    ]
  },
  {
    title: "stickiness: 26 values, the last of equal ones is $other",
    metric: "stickiness",
    params: { from: "2026-01-01", to: "2026-01-01", breakdown: "properties.rank" },
    as_of: LONG_AFTER,
    events: eventsFrom(
      Array.from({ length: 26 }, (_, rank) => [`u${rank}`, "2026-01-01T12:00:00Z", "visit", { rank }] as const)
    ),
    rows: [...Array.from({ length: 25 }, (_, rank) => rank), "$other"].map((breakdown) => ({
      breakdown,
      intervals: 1,
      users: 1,
      at_least: 1
    }))
  },
  {
    title: "retention: at least two returns within one rolling cell, not one in each of two",
    metric: "retention",
    params: { start_date: "2026-01-05", end_date: "2026-01-05", windows: 3, bucket: "rolling", minimum_occurrences: 2 },
    as_of: LONG_AFTER,
    events: eventsFrom([
      ["a", "2026-01-06T12:00:00Z"],
      ["a", "2026-01-13T12:00:00Z"],
      ["a", "2026-01-20T11:59:59Z"],
      ["b", "2026-01-06T12:00:00Z"],
      ["b", "2026-01-20T11:59:59Z"],
      ["b", "2026-01-20T12:00:00Z"]
    ]),
    rows: [cohort("2026-01-05", [2, 1, 0])]
  }
]
