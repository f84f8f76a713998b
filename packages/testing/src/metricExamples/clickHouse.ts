import { eventsFrom, LONG_AFTER, type MetricExample, published, type Source } from "./example.ts"
import { at, WINDOW_FUNNEL } from "./funnel.ts"
import { cohort } from "./retention.ts"

/** Numbers of the source: how many users got to each step. */
const levels = (...users: ReadonlyArray<number>) => users.map((count, index) => ({ step: index + 1, users: count }))

const RANGE = { from: "2018-01-01", to: "2018-01-01" }

/** Events of each user, a second apart: one character an event. */
const perUser = (...users: ReadonlyArray<string>) =>
  eventsFrom(
    users.flatMap((events, index) =>
      [...events].map((type, second) => [`u${index + 1}`, at(second + 1), type] as const)
    )
  )

const funnel = (example: Omit<MetricExample, "metric" | "as_of" | "columns">): MetricExample => ({
  ...example,
  metric: "funnel",
  as_of: LONG_AFTER,
  columns: ["step", "users"]
})

const ORDERS = perUser("abc", "adbc", "aabbcc", "aaaabbcc", "aabbdcc", "ccbbaa")
const REENTRY = perUser("abac", "ababc", "abcbd", "acb", "abcabcd")
const abc = { ...RANGE, steps: "a,b,c", window: "1d" }

const ladder = (...events: ReadonlyArray<readonly [second: number, type: number]>) =>
  eventsFrom(events.map(([second, type]) => ["u", at(second), String(type)] as const))

const REPEATED = ladder(
  ...[0, 10, 20, 30, 40, 50].map((second, index) => [second, 1000 + index] as const),
  [51, 1005],
  [60, 1006]
)
const seven = { ...RANGE, steps: [0, 1, 2, 3, 4, 5, 6].map((step) => String(1000 + step)), window: "1d" }
const EQUAL = ladder([0, 1000], [1, 1001], [1, 1002], [1, 1003], [2, 1004])

const results = (user: string, ...of: ReadonlyArray<readonly [second: number, type: string]>) =>
  of.map(([second, type]) => [user, at(second), type] as const)

const alike: ReadonlyArray<MetricExample> = [
  funnel({
    title: "funnel: six orders of a, b and c (windowFunnel)",
    params: abc,
    events: ORDERS,
    rows: levels(6, 5, 5)
  }),
  funnel({
    title: "funnel: six orders, strict (windowFunnel, strict_deduplication with strict_order)",
    params: { ...abc, order: "strict" },
    events: ORDERS,
    rows: levels(6, 4, 1)
  }),
  funnel({
    title: "funnel: a, c, b is one step, strict (windowFunnel, strict_order)",
    params: { ...abc, order: "strict", window: "10s" },
    events: perUser("acb"),
    rows: levels(1, 0, 0)
  }),
  funnel({
    title: "funnel: a repeated step (windowFunnel)",
    params: seven,
    events: REPEATED,
    rows: levels(1, 1, 1, 1, 1, 1, 1)
  }),
  funnel({
    title: "funnel: a repeated step, strict (windowFunnel, strict)",
    params: { ...seven, order: "strict" },
    events: REPEATED,
    rows: levels(1, 1, 1, 1, 1, 1, 0)
  }),
  funnel({
    title: "funnel: a step comes again before the last, strict (windowFunnel, strict_deduplication)",
    params: { ...abc, steps: "a,b,c,d", order: "strict" },
    events: perUser("abcbd"),
    rows: levels(1, 1, 1, 0)
  }),
  funnel({
    title: "funnel: one event is one step (windowFunnel, strict_once)",
    params: { ...RANGE, steps: "1004,1004,1004", window: "1d" },
    events: EQUAL,
    rows: levels(1, 0, 0)
  }),
  funnel({
    title: "funnel: two failures, then success (windowFunnel, strict_once)",
    params: { ...RANGE, steps: "failure,failure,success", window: "200s" },
    events: eventsFrom([
      ...results("123", [180, "failure"], [220, "failure"], [250, "success"]),
      ...results("234", [100, "failure"], [250, "failure"]),
      ...results("345", [200, "success"], [210, "failure"], [230, "success"])
    ]),
    rows: levels(3, 2, 1)
  }),
  funnel({
    title: "funnel: an attempt may begin anew, strict (windowFunnel, strict_order and allow_reentry)",
    params: { ...abc, order: "strict" },
    events: perUser("ababc", "abcbd", "acb", "abcabcd"),
    rows: levels(4, 3, 3)
  })
]

const different: ReadonlyArray<MetricExample> = [
  funnel({
    title: "funnel: six orders, strict, where a step is repeated (windowFunnel)",
    params: { ...abc, order: "strict" },
    events: ORDERS,
    rows: levels(6, 4, 1),
    theirs: {
      mode: "strict_order",
      numbers: "6, 4, 3",
      why: "there a repetition of a step does not break the order; here any other event in between does"
    }
  }),
  funnel({
    title: "funnel: an attempt may begin anew, strict (windowFunnel)",
    params: { ...abc, order: "strict" },
    events: REENTRY,
    rows: levels(5, 4, 3),
    theirs: {
      mode: "strict_order",
      numbers: "5, 4, 2",
      why: "there the first break ends it; here the best attempt counts (a, b, a, b, c gets through)"
    }
  }),
  funnel({
    title: "funnel: an attempt that is broken does not go on, strict (windowFunnel)",
    params: { ...abc, order: "strict" },
    events: perUser("abac"),
    rows: levels(1, 1, 0),
    theirs: {
      mode: "strict_order, allow_reentry",
      numbers: "1, 1, 1",
      why: "there a step that comes again is passed over; here it lies in between"
    }
  }),
  funnel({
    title: "funnel: equal timestamps (windowFunnel)",
    params: { ...RANGE, steps: "1000,1001,1002,1003,1004", window: "1d" },
    events: EQUAL,
    rows: levels(1, 1, 1, 1, 1),
    theirs: {
      mode: "strict_increase",
      numbers: "1, 1, 0, 0, 0",
      why: "there equal timestamps are never in order; here they are"
    }
  }),
  funnel({
    title: "funnel: three steps that one event would fit (windowFunnel)",
    params: { ...RANGE, steps: "1004,1004,1004", window: "1d" },
    events: EQUAL,
    rows: levels(1, 0, 0),
    theirs: {
      mode: "default",
      numbers: "1, 1, 1",
      why: "there one event may be several steps; here it is one, but for order=any"
    }
  })
]

const RETENTION: Source = {
  product: "ClickHouse",
  file: "tests/queries/0_stateless/00688_aggregation_retention.sql",
  commit: "2d4672c"
}

const users = (count: number, date: string) =>
  Array.from({ length: count }, (_, user) => [`user ${user}`, `${date}T12:00:00Z`] as const)

const retention: ReadonlyArray<MetricExample> = [
  {
    title: "retention: of 80 users 50 come the next day and 60 the day after (retention)",
    metric: "retention",
    params: { start_date: "2018-08-06", end_date: "2018-08-06", windows: 3, interval: "day" },
    as_of: LONG_AFTER,
    events: eventsFrom([...users(80, "2018-08-06"), ...users(50, "2018-08-07"), ...users(60, "2018-08-08")]),
    rows: [cohort("2018-08-06", [80, 50, 60])]
  }
]

export const clickHouseExamples: ReadonlyArray<MetricExample> = [
  ...published(WINDOW_FUNNEL, [...alike, ...different]),
  ...published(RETENTION, retention)
]
