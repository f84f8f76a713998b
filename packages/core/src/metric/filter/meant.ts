/** How other languages write it, and how this one does; of what stands at a place in an expression. */
const ELSEWHERE: ReadonlyArray<readonly [written: RegExp, meant: (found: string) => string]> = [
  [/\s*'([^']*)'/uy, JSON.stringify],
  [/\s*[“”„]([^“”„]*)[“”]/uy, JSON.stringify],
  [/\s*(&&)/uy, () => "and"],
  [/\s*(\|\|)/uy, () => "or"],
  [/\s*(\[)/uy, () => "("],
  [/\s*(:)/uy, () => "="]
]

/** What was probably meant by what no expression has. */
export const meantByUnreadable = (text: string, at: number): string => {
  for (const [written, meant] of ELSEWHERE) {
    written.lastIndex = at
    const found = written.exec(text)?.[1]
    if (found !== undefined) return `; write ${meant(found)}`
  }
  return ""
}

const WORD = /^(?:and|or|in|not|exists|contains|true|false)$/iu

/** What was probably meant by a word or mark where another one was expected; `before` is the character in front of it. */
export const meantByUnexpected = (text: string, before: string | undefined, isValueExpected: boolean): string => {
  const lower = text.toLowerCase()
  if (WORD.test(text) && text !== lower) return `; write ${lower}`
  if (text === "=" && before === "=") return "; write = once"
  if (text === ">" && before === "<") return "; write !="
  return isValueExpected && /^\p{L}/u.test(text) ? `; write ${JSON.stringify(text)}` : ""
}
