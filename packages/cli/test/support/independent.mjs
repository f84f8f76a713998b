// Figures over a raw file, told another way than the product tells them: plain arrays and strings, no shared code.
//   rows: [{ user, type, millis }]
const DAY = 86400000

export const readCdnow = (text) => {
  const out = []
  for (const line of text.split("\n").slice(1)) {
    const found = /^\s*(\d+)\s+(\d{4})(\d{2})(\d{2})\s/.exec(line)
    if (found) out.push({ user: found[1], type: "purchase", millis: Date.UTC(+found[2], found[3] - 1, +found[4]) })
  }
  return out
}

export const readCollege = (text) =>
  text
    .trim()
    .split("\n")
    .map((line) => line.split(" "))
    .map(([user, , at]) => ({ user, type: "message", millis: at * 1000 }))

export const readEcom = (text) =>
  text
    .trim()
    .split(/\r?\n/)
    .slice(1)
    .map((line) => line.replaceAll('"', "").split(","))
    .map(([, user, type, at]) => ({ user, type, millis: Date.parse(at) }))

const isoDay = (number) => new Date(number * DAY).toISOString().slice(0, 10)
const dayNumber = (millis) => Math.floor(millis / DAY)
// Day 0 was a Thursday, so Monday of week w is day 7w - 3.
const weekNumber = (millis) => Math.floor((dayNumber(millis) + 3) / 7)

export const dailyUsers = (rows, from, to) => {
  const [first, last] = [Date.parse(from) / DAY, Date.parse(to) / DAY]
  const keys = [...new Set(rows.map((row) => `${dayNumber(row.millis)} ${row.user}`))]
  const counts = {}
  for (const key of keys) counts[key.split(" ")[0]] = (counts[key.split(" ")[0]] ?? 0) + 1
  const out = []
  for (let day = first; day <= last; day++) out.push([isoDay(day), counts[day] ?? 0])
  return out
}

export const topTypes = (rows) => {
  const types = [...new Set(rows.map((row) => row.type))]
  return types
    .map((type) => {
      const of = rows.filter((row) => row.type === type)
      return [type, of.length, new Set(of.map((row) => row.user)).size]
    })
    .toSorted((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
}

// Rows of [Monday, size, users in week 0, 1, … windows - 1].
export const weeklyRetention = (rows, windows) => {
  const weeks = {}
  for (const { user, millis } of rows) (weeks[user] ??= []).push(weekNumber(millis))
  const users = Object.values(weeks).map((list) => [...new Set(list)].toSorted((a, b) => a - b))
  const firsts = users.map((list) => list[0])
  const [start, end] = [Math.min(...firsts), Math.max(...users.map((list) => list[list.length - 1]))]
  const out = []
  for (let week = start; week <= end; week++) {
    const cohort = users.filter((list) => list[0] === week)
    const cells = Array.from({ length: windows }, (_, k) => cohort.filter((list) => list.includes(week + k)).length)
    out.push([isoDay(week * 7 - 3), cohort.length, cells])
  }
  while (out.length && out[out.length - 1][1] === 0) out.pop()
  return out
}

const monthNumber = (millis) => {
  const [year, month] = new Date(millis).toISOString().split("-")
  return 12 * year + +month - 1
}
const isoMonth = (number) => `${Math.floor(number / 12)}-${String((number % 12) + 1).padStart(2, "0")}-01`

// user → sorted numbers of the months with any event
const monthsOf = (rows) => {
  const months = {}
  for (const { user, millis } of rows) (months[user] ??= []).push(monthNumber(millis))
  return Object.values(months).map((list) => [...new Set(list)].toSorted((a, b) => a - b))
}

const monthSpan = (users) => [Math.min(...users.map((list) => list[0])), Math.max(...users.map((list) => list.at(-1)))]

// Rows of [month, new, returning, resurrecting, dormant], dormant below zero.
export const monthlyLifecycle = (rows) => {
  const users = monthsOf(rows)
  const [first, last] = monthSpan(users)
  return Array.from({ length: last - first + 1 }, (_, index) => {
    const month = first + index
    const here = users.filter((list) => list.includes(month))
    const old = here.filter((list) => list[0] !== month)
    const back = old.filter((list) => list.includes(month - 1)).length
    const gone = users.filter((list) => list.includes(month - 1) && !list.includes(month)).length
    return [isoMonth(month), here.length - old.length, back, old.length - back, 0 - gone]
  })
}

// users[n - 1]: active in exactly n months
export const monthlyStickiness = (rows) => {
  const users = monthsOf(rows)
  const [first, last] = monthSpan(users)
  return Array.from(
    { length: last - first + 1 },
    (_, index) => users.filter((list) => list.length === index + 1).length
  )
}

// Who did it at all, again within so many days, and a third time within them; and the median and mean seconds in between.
// An attempt begins at any event and goes to the two that follow it, equal times in any order.
export const threeTimes = (rows, days) => {
  const times = {}
  for (const { user, millis } of rows) (times[user] ??= []).push(millis)
  const gaps = [[], []]
  for (const list of Object.values(times)) {
    list.sort((a, b) => a - b)
    const length = (at) => [1, 2].filter((k) => list[at + k] - list[at] <= days * DAY).length
    const starts = list.map((_, at) => at)
    const furthest = Math.max(...starts.map(length))
    const best = starts.find((at) => length(at) === furthest)
    for (let k = 0; k < furthest; k++) gaps[k].push((list[best + k + 1] - list[best + k]) / 1000)
  }
  const middle = (values) => {
    const sorted = values.toSorted((a, b) => a - b)
    const half = sorted.length / 2
    return half % 1 ? sorted[half - 0.5] : (sorted[half - 1] + sorted[half]) / 2
  }
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length
  return [
    [Object.keys(times).length, null, null],
    ...gaps.map((values) => [values.length, middle(values), mean(values)])
  ]
}
