import { eventsFrom, LONG_AFTER, type MetricExample, published, type Source } from "./example.ts"

type Step = readonly [users: number, medianSeconds: number | null, meanSeconds?: number | null]

/** Users and seconds of each step; the mean is the median unless given. */
const steps = (rows: ReadonlyArray<Step>, breakdown?: string | number) =>
  rows.map(([users, median_seconds, mean_seconds = median_seconds], index) => ({
    ...(breakdown === undefined ? {} : { breakdown }),
    step: index + 1,
    users,
    from_previous: rows[Math.max(0, index - 1)]![0] === 0 ? 0 : users / rows[Math.max(0, index - 1)]![0],
    from_first: rows[0]![0] === 0 ? 0 : users / rows[0]![0],
    median_seconds,
    mean_seconds,
    complete: true
  }))

/** One user's events, a minute apart. */
const minutes = (user: string, ...types: ReadonlyArray<string>) =>
  types.map((type, minute) => [user, `2021-05-01T12:${String(minute).padStart(2, "0")}:00Z`, type] as const)

/** Seconds after midnight. */
export const at = (second: number) => new Date(Date.UTC(2018, 0, 1, 0, 0, second)).toISOString()
const ladder = (...events: ReadonlyArray<readonly [second: number, type: number]>) =>
  eventsFrom(events.map(([second, type]) => ["u", at(second), String(type)] as const))

const RANGE_2018 = { from: "2018-01-01", to: "2018-01-01" }
const MAY_2021 = { from: "2021-05-01", to: "2021-05-14" }

const film = eventsFrom([
  ["person1", "2020-01-01T12:00:00Z", "sign up"],
  ["person1", "2020-01-01T13:00:00Z", "play movie"],
  ["person1", "2020-01-01T15:00:00Z", "buy"],
  ["person2", "2020-01-02T14:00:00Z", "sign up"],
  ["person2", "2020-01-02T16:00:00Z", "play movie"],
  ["person3", "2020-01-02T14:00:00Z", "sign up"],
  ["person3", "2020-01-02T16:00:00Z", "play movie"],
  ["person3", "2020-01-02T17:00:00Z", "buy"]
])

const windows = eventsFrom([
  ["1", "2020-01-02T14:00:00Z", "user signed up"],
  ["1", "2020-01-02T14:05:00Z", "pageview"],
  ["2", "2020-01-02T14:03:00Z", "user signed up"],
  ["3", "2020-01-02T12:00:00Z", "user signed up"],
  ["3", "2020-01-02T12:15:00Z", "pageview"]
])

const SIGN_UP = ["user signed up", "$pageview", "something else"]
const NOISE = "blaah blaa"

/** `test_basic_strict_funnel` is in test_funnel_strict.py (047c637) of the same folder. */
const CONVERSION_TIMES: Source = {
  product: "PostHog",
  file: "posthog/hogql_queries/insights/funnels/test/conversion_time_cases.py",
  commit: "19b05ff"
}

const postHog: ReadonlyArray<MetricExample> = [
  {
    title: "funnel: incomplete tries after a complete one change nothing (test_funnel_with_multiple_incomplete_tries)",
    metric: "funnel",
    params: { ...MAY_2021, steps: SIGN_UP, window: "1d" },
    as_of: LONG_AFTER,
    events: eventsFrom([
      ["1", "2021-05-01T01:00:00Z", "user signed up"],
      ["1", "2021-05-01T02:00:00Z", "$pageview"],
      ["1", "2021-05-01T03:00:00Z", "something else"],
      ["1", "2021-05-03T04:00:00Z", "user signed up"],
      ["1", "2021-05-03T05:00:00Z", "$pageview"],
      ["1", "2021-05-04T07:00:00Z", "user signed up"],
      ["1", "2021-05-04T10:00:00Z", "$pageview"]
    ]),
    rows: steps([
      [1, null],
      [1, 3_600],
      [1, 3_600]
    ])
  },
  ...(["ordered", "strict", "any"] as const).map((order) => ({
    title: `funnel: conversion times, ${order} (test_funnel_step_conversion_times)`,
    metric: "funnel" as const,
    params: { from: "2020-01-01", to: "2020-01-08", steps: "sign up,play movie,buy", window: "7d", order },
    as_of: LONG_AFTER,
    events: film,
    rows: steps([
      [3, null],
      [3, 7_200, 6_000],
      [2, 5_400]
    ])
  })),
  ...(
    [
      ["14d", 2, 600],
      ["5m", 1, 300]
    ] as const
  ).map(([window, users, seconds]) => ({
    title: `funnel: a window of ${window}, its end included (test_funnel_times_with_different_conversion_windows)`,
    metric: "funnel" as const,
    params: { from: "2020-01-01", to: "2020-01-14", steps: "user signed up,pageview", window },
    as_of: LONG_AFTER,
    events: windows,
    rows: steps([
      [3, null],
      [users, seconds]
    ])
  })),
  {
    title: "funnel: strict, nothing in between (test_basic_strict_funnel)",
    metric: "funnel",
    params: { ...MAY_2021, steps: ["user signed up", "$pageview", "insight viewed"], order: "strict", window: "14d" },
    as_of: LONG_AFTER,
    events: eventsFrom([
      ...minutes("1", "user signed up"),
      ...minutes("2", "$pageview", "user signed up"),
      ...minutes("3", "user signed up", "$pageview", NOISE, "insight viewed"),
      ...minutes("4", "insight viewed", NOISE, "$pageview", "user signed up"),
      ...minutes("5", "$pageview", "user signed up", NOISE, "$pageview", "insight viewed"),
      ...minutes("6", NOISE, "user signed up", NOISE, "$pageview"),
      ...minutes("7", NOISE, "user signed up", "$pageview", "insight viewed", NOISE),
      ...minutes("8", "insight viewed", "$pageview")
    ]),
    rows: steps([
      [7, null],
      [2, 60],
      [1, 60]
    ])
  }
]

const upTo = (levels: number, of: number) =>
  steps(
    Array.from({ length: of }, (_, index): Step => {
      const seconds = index === 0 ? null : 1
      return index < levels ? [1, seconds] : [0, null]
    })
  )

const eight = ladder([1, 1001], [2, 1002], [3, 1003], [4, 1004], [5, 1005], [6, 1006], [7, 1007], [8, 1008])
const type = (op: string, value: number) => ({ field: "event_type", op, value: String(value) })

export const WINDOW_FUNNEL: Source = {
  product: "ClickHouse",
  file: "tests/queries/0_stateless/00632_aggregation_window_funnel.sql",
  commit: "02c4286"
}

const clickHouse: ReadonlyArray<MetricExample> = [
  ...([2, 3, 4] as const).map((seconds) => ({
    title: `funnel: a ladder of seconds climbs ${seconds + 1} steps within ${seconds} s (windowFunnel)`,
    metric: "funnel" as const,
    params: { ...RANGE_2018, steps: "1003,1004,1005,1006,1007", window: `${seconds}s` },
    as_of: LONG_AFTER,
    events: eight,
    rows: upTo(seconds + 1, 5)
  })),
  {
    title: "funnel: steps that share events take one each (windowFunnel, <= and >=)",
    metric: "funnel",
    params: {
      ...RANGE_2018,
      steps: [type("<=", 1007), type(">=", 1002), type("<=", 1006), type(">=", 1004)],
      window: "4s"
    },
    as_of: LONG_AFTER,
    events: eight,
    rows: upTo(4, 4)
  },
  {
    title: "funnel: steps in the wrong order are one step (windowFunnel)",
    metric: "funnel",
    params: { ...RANGE_2018, steps: "1008,1001", window: "1d" },
    as_of: LONG_AFTER,
    events: eight,
    rows: upTo(1, 2)
  },
  {
    title: "funnel: equal timestamps are in order (windowFunnel without strict_increase)",
    metric: "funnel",
    params: { ...RANGE_2018, steps: "1000,1001,1002,1003,1004", window: "1d" },
    as_of: LONG_AFTER,
    events: ladder([2, 1004], [1, 1003], [1, 1002], [1, 1001], [0, 1000]),
    rows: steps([
      [1, null],
      [1, 1],
      [1, 0],
      [1, 0],
      [1, 1]
    ])
  }
]

/** Three visitors, two enter, one gets through. */
const plausible: MetricExample = {
  source: { product: "Plausible", file: "test/plausible/funnels_test.exs", commit: "01fba1f" },
  title: "funnel: who never enters is in no step",
  metric: "funnel",
  params: { ...MAY_2021, steps: ["blog", "Signup", "checkout"] },
  as_of: LONG_AFTER,
  events: eventsFrom([
    ...minutes("999", "irrelevant"),
    ...minutes("123", "blog", "Signup", "checkout"),
    ...minutes("666", "blog", "Signup")
  ]),
  rows: steps([
    [2, null],
    [2, 60],
    [1, 60]
  ])
}

const own: ReadonlyArray<MetricExample> = [
  {
    title:
      "funnel: one event is one step, so the same step twice needs two (ClickHouse's windowFunnel says 3 of one event)",
    metric: "funnel",
    params: { ...RANGE_2018, steps: "1004,1004,1004" },
    as_of: LONG_AFTER,
    events: ladder([2, 1004], [2, 1004]),
    rows: steps([
      [1, null],
      [1, 0],
      [0, null]
    ])
  },
  {
    title: "funnel: by the first step's property, by users; a start without one is $none",
    metric: "funnel",
    params: { ...MAY_2021, steps: "visit,buy", breakdown: "properties.plan", where: 'event_type != "bot"' },
    as_of: LONG_AFTER,
    events: eventsFrom([
      ["a", "2021-05-01T00:00:00Z", "visit", { plan: "free" }],
      ["a", "2021-05-01T00:01:00Z", "visit", { plan: "pro" }],
      ["a", "2021-05-01T00:02:00Z", "buy", { plan: "team" }],
      ["b", "2021-05-01T00:00:00Z", "visit", { plan: null }],
      ["c", "2021-05-01T00:00:00Z", "visit", { plan: "free" }],
      ["d", "2021-05-01T00:00:00Z", "visit", { plan: 1 }],
      ["d", "2021-05-01T00:00:30Z", "buy"]
    ]),
    rows: [
      ...steps(
        [
          [2, null],
          [1, 120]
        ],
        "free"
      ),
      ...steps(
        [
          [1, null],
          [1, 30]
        ],
        1
      ),
      ...steps(
        [
          [1, null],
          [0, null]
        ],
        "$none"
      )
    ]
  },
  {
    title: "funnel: the first step in the range, the others within the window past its end; open until then",
    metric: "funnel",
    params: { from: "2021-05-01", to: "2021-05-01", steps: "visit,buy", window: "1d", tz: "Europe/Paris" },
    as_of: Date.UTC(2021, 4, 2, 22) * 1000 - 1,
    events: eventsFrom([
      ["a", "2021-05-01T21:59:59Z", "visit"],
      ["a", "2021-05-02T21:59:59Z", "buy"],
      ["b", "2021-05-01T22:00:00Z", "visit"],
      ["c", "2021-04-30T22:00:00Z", "visit"]
    ]),
    rows: steps([
      [2, null],
      [1, 86_400]
    ]).map((row) => ({ ...row, complete: false }))
  },
  ...[
    ["visit", "buy"],
    ["visit", "buy", "$identify"]
  ].map((named) => ({
    title: `funnel: $identify lies between no steps, whether it is named or not: ${named.join()}`,
    metric: "funnel" as const,
    params: { ...MAY_2021, steps: named, order: "strict" },
    as_of: LONG_AFTER,
    events: eventsFrom(minutes("1", "visit", "$identify", "buy", "$identify")),
    rows: steps([[1, null], ...named.slice(1).map((_, index) => [1, index === 0 ? 120 : 60] as const)])
  }))
]

export const funnelExamples: ReadonlyArray<MetricExample> = [
  ...published(CONVERSION_TIMES, postHog),
  ...published(WINDOW_FUNNEL, clickHouse),
  plausible,
  ...own
]
