/** More changes than this are another word. */
const FAR = 3

/** The name that was probably meant; undefined where none is like it. */
export const nearest = (given: string, names: Iterable<string>): string | undefined => {
  let best: string | undefined
  let least = Math.min(FAR, Math.ceil(given.length / 3)) + 1
  for (const name of names) {
    const changes = distance(given.toLowerCase(), name.toLowerCase(), least)
    if (changes < least) [best, least] = [name, changes]
  }
  return best
}

/** Letters to put in, leave out or replace; `limit` where it is that many or more. */
const distance = (from: string, to: string, limit: number): number => {
  if (Math.abs(from.length - to.length) >= limit) return limit
  let row = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (let line = 1; line <= from.length; line++) {
    const above = row
    row = [line]
    for (let column = 1; column <= to.length; column++) {
      const replaced = above[column - 1]! + (from[line - 1] === to[column - 1] ? 0 : 1)
      row.push(Math.min(replaced, above[column]! + 1, row[column - 1]! + 1))
    }
  }
  return row[to.length]!
}
