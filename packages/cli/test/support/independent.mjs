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
