import { eventsFrom, LONG_AFTER, type MetricExample } from "./example.ts"

const identify = (user: string, anonymous_id: unknown, day = 5) =>
  [user, `2026-01-0${day}T12:00:00Z`, "$identify", { anonymous_id }] as const

const on = (user: string, day: number) => [user, `2026-01-0${day}T10:00:00Z`] as const

/** Placeholders in other letters, with blanks and quotes, as programs print them. */
const SHARED_BY_MANY = [
  "guest",
  "anonymous",
  "distinct_id",
  "distinctid",
  "id",
  "not_authenticated",
  "email",
  "true",
  "false",
  "0",
  "nil",
  "undefined",
  " Undefined",
  "null",
  "NULL",
  "None",
  "NaN",
  "[object Object]",
  "   ",
  '""',
  "'null'",
  "00000000-0000-0000-0000-000000000000"
]

/** Users by the number of days of January 1 to 4 on which they did anything: one histogram tells who is who. */
const example = (
  title: string,
  events: ReadonlyArray<readonly [string, string, string?, object?]>,
  users: ReadonlyArray<number>
): MetricExample => ({
  title: `identity: ${title}`,
  metric: "stickiness",
  params: { from: "2026-01-01", to: "2026-01-04" },
  as_of: LONG_AFTER,
  events: eventsFrom(events),
  rows: users.map((count, index) => ({
    intervals: index + 1,
    users: count,
    at_least: users.slice(index).reduce((sum, more) => sum + more, 0)
  }))
})

export const identityExamples: ReadonlyArray<MetricExample> = [
  example(
    "events before and after the merge count as the user's",
    [on("a", 1), identify("k", "a"), on("a", 2), on("k", 3)],
    [0, 0, 1, 0]
  ),
  example(
    "the first to name an anonymous id wins, whenever it says it happened",
    [on("a", 1), on("k", 2), on("m", 3), on("m", 4), identify("k", "a", 9), identify("m", "a", 5)],
    [0, 2, 0, 0]
  ),
  example(
    "two anonymous ids of one user are one",
    [on("a", 1), on("b", 2), on("k", 3), identify("k", "a"), identify("k", "b")],
    [0, 0, 1, 0]
  ),
  example(
    "who was named as a known user is merged into nobody",
    [on("a", 1), on("k", 2), on("m", 3), identify("k", "a"), identify("m", "k")],
    [1, 1, 0, 0]
  ),
  example(
    "naming one who was merged before names the one he was merged into",
    [on("a", 1), on("k", 2), on("m", 3), identify("m", "k"), identify("k", "a")],
    [0, 0, 1, 0]
  ),
  example(
    "a circle stays open: the second merge is refused",
    [on("a", 1), on("k", 2), identify("k", "a"), identify("a", "k")],
    [0, 1, 0, 0]
  ),
  example(
    "without an anonymous id that a user could have, nothing is merged",
    [
      on("a", 1),
      on("k", 2),
      identify("k", 7),
      identify("k", ""),
      identify("k", null),
      identify("k", "k"),
      identify("k", "a".repeat(257)),
      ["k", "2026-01-05T12:00:00Z", "$identify"]
    ],
    [2, 0, 0, 0]
  ),
  example(
    "what many share is merged into nobody, however it is spelled",
    [on("guest", 1), on(" Undefined", 2), on("k", 3), ...SHARED_BY_MANY.map((id) => identify("k", id))],
    [3, 0, 0, 0]
  ),
  example(
    "nobody is merged into what many share",
    [on("a", 1), on("b", 2), on("guest", 3), on("NULL", 4), identify("guest", "a"), identify("NULL", "b")],
    [4, 0, 0, 0]
  ),
  example(
    "a merge that is none names nobody as a known user: a later one takes the id",
    [on("a", 1), on("k", 2), identify("a", "undefined"), identify("guest", "k"), identify("k", "a")],
    [0, 1, 0, 0]
  )
]
