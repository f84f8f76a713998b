/** Of every question, unless it says otherwise. */
export const RANGE = { from: "2026-01-05", to: "2026-01-31" }

/** A project's generated events: columns in SQL over `i`. */
interface Generated {
  readonly project: string
  readonly events: number
  readonly user: string
  readonly type: string
  readonly properties: string
}

export const PROJECTS: ReadonlyArray<Generated> = [
  {
    project: "wide",
    events: 400_000,
    user: "'user-' || (random() * 50000)::INT",
    type: "'type-' || (random() * 20)::INT",
    properties: `json_object('sku', 'sku-' || (random() * 5000)::INT, 'title', 'a title of some words ' || (random() * 100000)::INT,
      'path', '/p/' || (random() * 500)::INT, 'amount', (random() * 1000)::INT, 'plan', 'plan-' || (random() * 300)::INT)`
  },
  {
    project: "crawler",
    events: 100_000,
    user: "if(i % 2 = 0, 'crawler', 'user-' || (random() * 5000)::INT)",
    type: "'$page'",
    properties: "json_object('path', '/p/' || (random() * 20)::INT)"
  },
  {
    project: "busy",
    events: 40_000,
    user: "'one'",
    type: "if(random() < 0.9, 'visit', 'buy')",
    properties: "json_object('path', '/p/' || (random() * 20)::INT)"
  },
  {
    project: "a",
    events: 2_000_000,
    user: "'user-' || (200000 * pow(random(), 2.5))::INT",
    type: "'type-' || (random() * 5)::INT",
    properties: "json_object('path', '/p/' || (random() * 500)::INT, 'amount', (random() * 1000)::INT)"
  },
  {
    project: "b",
    events: 20_000,
    user: "'user-' || (random() * 2000)::INT",
    type: "'type-' || (random() * 5)::INT",
    properties: "json_object('path', '/p/' || (random() * 50)::INT, 'amount', (random() * 1000)::INT)"
  }
]

export type QuestionParams = Readonly<Record<string, unknown>>

interface Question {
  readonly name: string
  readonly project: string
  readonly metric: string
  readonly params: QuestionParams
}

const list = <A>(count: number, of: (index: number) => A) => Array.from({ length: count }, (_, index) => of(index))
const condition = (name: string, op: string, value: unknown) => ({ field: `properties.${name}`, op, value })

/** `and` in `or` in `and` …; a filter may be four levels deep. */
export const deep = (levels: number): unknown =>
  levels === 0
    ? condition("amount", ">", 10)
    : { [levels % 2 === 0 ? "and" : "or"]: [condition("path", "!=", `/p/${levels}`), deep(levels - 1)] }

const PAGES = ["/p/1", "/p/2", "/p/3"].map((path) => condition("path", "=", path))
const ANY_PAGE = condition("path", "contains", "/p")
const VISITS = list(10, () => "visit")

const filters: ReadonlyArray<Question> = [
  [
    "in, 1,000 texts",
    "trend",
    {
      where: condition(
        "sku",
        "in",
        list(1000, (index) => `sku-${index}`)
      )
    }
  ],
  [
    "in, 1,000 long texts, their users",
    "trend",
    {
      measure: "users",
      where: condition(
        "title",
        "in",
        list(1000, (index) => `a title of some words ${index}`)
      )
    }
  ],
  [
    "in, 1,000 texts, broken down by the same",
    "trend",
    {
      breakdown: "properties.plan",
      where: condition(
        "plan",
        "in",
        list(1000, (index) => `plan-${index}`)
      )
    }
  ],
  [
    "in, 1,000 numbers",
    "trend",
    {
      where: condition(
        "amount",
        "in",
        list(1000, (index) => index)
      )
    }
  ],
  [
    "100 contains, or",
    "trend",
    { where: { or: list(100, (index) => condition("title", "contains", `words ${index * 7}`)) } }
  ],
  [
    "100 contains, and",
    "trend",
    { where: { and: list(100, (index) => condition("title", "contains", "words".slice(0, 1 + (index % 5)))) } }
  ],
  ["and/or, four deep", "trend", { where: deep(4) }],
  [
    "in, 300 texts, broken down by the same",
    "retention",
    {
      from: undefined,
      to: undefined,
      start_date: RANGE.from,
      interval: "day",
      breakdown: "properties.plan",
      where: condition(
        "plan",
        "in",
        list(300, (index) => `plan-${index}`)
      )
    }
  ],
  ["by the users' plan", "lifecycle", { breakdown: "properties.plan", breakdown_of: "user" }],
  ["all", "paths", {}]
].map(([name, metric, params]) => ({ name, metric, params, project: "wide" }) as Question)

const crawlers: ReadonlyArray<Question> = [
  ["three paths", { steps: PAGES }],
  ["any page, three times", { steps: [ANY_PAGE, ANY_PAGE, ANY_PAGE] }],
  ["any page, three times, by path", { steps: [ANY_PAGE, ANY_PAGE, ANY_PAGE], breakdown: "properties.path" }],
  ["any page, a path, any page", { steps: [ANY_PAGE, PAGES[1], ANY_PAGE] }],
  ["the same, strict", { steps: [ANY_PAGE, PAGES[1], ANY_PAGE], order: "strict" }],
  ["the same, any order", { steps: [ANY_PAGE, PAGES[1], ANY_PAGE], order: "any" }]
].map(
  ([name, params]) =>
    ({ name: `50,000 of 100,000: ${name as string}`, params, project: "crawler", metric: "funnel" }) as Question
)

const busy: ReadonlyArray<Question> = [
  ["ten times visit", { steps: VISITS }],
  ["visit and buy, ten", { steps: list(10, (index) => (index % 2 === 0 ? "visit" : "buy")) }],
  ["ten times visit, strict", { steps: VISITS, order: "strict" }],
  ["ten times visit, any order", { steps: VISITS, order: "any" }],
  ["twenty steps in 20 minutes", { steps: list(20, (index) => (index % 3 === 0 ? "buy" : "visit")), window: "20m" }],
  ["ten times visit, by path, 90 days", { steps: VISITS, breakdown: "properties.path", window: "90d" }],
  ...["1m", "5m", "1h", "1d", "365d"].map(
    (window) => [`ten times visit in ${window}`, { steps: VISITS, window }] as const
  )
].map(
  ([name, params]) =>
    ({ name: `40,000 of one user: ${name as string}`, params, project: "busy", metric: "funnel" }) as Question
)

/** Dear by what they ask, each in the project that it is about. */
export const QUESTIONS: ReadonlyArray<Question> = [...filters, ...crawlers, ...busy]

/** Half a minute and more over two million events. */
export const HEAVY: QuestionParams = {
  steps: list(8, (index) => `type-${index % 3}`),
  breakdown: "properties.path",
  window: "30d"
}
