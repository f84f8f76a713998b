import { parseJson } from "../../event/json.ts"
import type { Filter } from "./Filter.ts"
import { BadFilter, DEPTH_MAX, readFilter } from "./readFilter.ts"

/**
 * Reads a filter as it stands in a query string or on a command line: JSON, or an expression like
 * `event_type = "purchase" and (properties.amount >= 10 or properties.plan in ("pro", "team"))`.
 *
 * **Details**
 *
 * - `and` binds tighter than `or`; parentheses group. Words are lower-case.
 * - Text values stand in double quotes, as in JSON; numbers, `true` and `false` as in JSON.
 * - `exists` and `not exists` follow the field. A name with other characters than letters, digits, `_ $ . -` is quoted:
 *   `properties."odd name"`.
 *
 * Throws {@link BadFilter}.
 */
export const parseFilter = (text: string): Filter => {
  if (text.length > EXPRESSION_MAX_CHARACTERS)
    throw new BadFilter("", `must not be longer than ${EXPRESSION_MAX_CHARACTERS}`)
  if (text.trimStart().startsWith("{")) return readFilter(wholeJson(text))
  return readFilter(new Parser(text).all())
}

const EXPRESSION_MAX_CHARACTERS = 65_536

const wholeJson = (text: string): unknown => {
  try {
    return parseJson(text)
  } catch {
    throw new BadFilter("", "must be valid JSON, or an expression")
  }
}

const TOKEN =
  /\s*(?:(?<quoted>"(?:[^"\\]|\\.)*")|(?<number>-?\d[\w.+-]*)|(?<word>[\p{L}_$][\p{L}\p{N}_$.-]*)|(?<mark><=|>=|!=|[=<>(),]))/uy

const A_VALUE = 'a value: "text", a number, true or false'

type Kind = "quoted" | "number" | "word" | "mark" | "end"

interface Token {
  readonly kind: Kind
  readonly text: string
  readonly at: number
}

/** Recursive descent over the expression; its result is JSON that {@link readFilter} checks. */
class Parser {
  readonly #text: string
  #next: Token

  constructor(text: string) {
    this.#text = text
    this.#next = this.#scan(0)
  }

  all(): unknown {
    const filter = this.#either(1)
    if (this.#next.kind !== "end") this.#refuse("and, or, or the end")
    return filter
  }

  #either(depth: number): unknown {
    if (depth > DEPTH_MAX) throw new BadFilter("", `must not nest deeper than ${DEPTH_MAX}`)
    const parts = [this.#both(depth)]
    while (this.#take("or")) parts.push(this.#both(depth))
    return parts.length === 1 ? parts[0] : { or: parts }
  }

  #both(depth: number): unknown {
    const parts = [this.#one(depth)]
    while (this.#take("and")) parts.push(this.#one(depth))
    return parts.length === 1 ? parts[0] : { and: parts }
  }

  #one(depth: number): unknown {
    if (!this.#take("(")) return this.#condition()
    const inner = this.#either(depth + 1)
    this.#expect(")")
    return inner
  }

  #condition(): unknown {
    const field = this.#field()
    if (this.#take("exists")) return { field, op: "exists", value: true }
    if (this.#take("not")) {
      this.#expect("exists")
      return { field, op: "exists", value: false }
    }
    const op = this.#operator()
    return { field, op, value: op === "in" ? this.#list() : this.#value() }
  }

  #field(): string {
    const { text } = this.#want("word", "event_type or properties.<name>")
    return text === "properties." ? text + String(this.#json(this.#want("quoted", "a property's name"))) : text
  }

  #operator(): string {
    const { text, kind } = this.#next
    const known = kind === "mark" ? /^(?:[<>!]?=|[<>])$/u.test(text) : text === "in" || text === "contains"
    if (!known) this.#refuse("an operator: =, !=, in, <, <=, >, >=, exists, not exists or contains")
    return this.#advance().text
  }

  #list(): ReadonlyArray<unknown> {
    this.#expect("(")
    const values = [this.#value()]
    while (this.#take(",")) values.push(this.#value())
    this.#expect(")")
    return values
  }

  #value(): unknown {
    const { kind, text } = this.#next
    const fits = kind === "quoted" || kind === "number" || text === "true" || text === "false"
    if (!fits) this.#refuse(A_VALUE)
    return this.#json(this.#advance())
  }

  #json({ at, text }: Token): unknown {
    try {
      return parseJson(text)
    } catch {
      throw new BadFilter("", `has ${text} at character ${at + 1}, which is not JSON`)
    }
  }

  #want(kind: Kind, expected: string): Token {
    return this.#next.kind === kind ? this.#advance() : this.#refuse(expected)
  }

  #take(text: string): boolean {
    const found = this.#next.text === text && (this.#next.kind === "word" || this.#next.kind === "mark")
    if (found) this.#advance()
    return found
  }

  #expect(text: string) {
    if (!this.#take(text)) this.#refuse(text)
  }

  #advance(): Token {
    const token = this.#next
    this.#next = this.#scan(token.at + token.text.length)
    return token
  }

  #scan(from: number): Token {
    TOKEN.lastIndex = from
    const found = TOKEN.exec(this.#text)
    if (found === null) {
      if (this.#text.slice(from).trim() === "") return { kind: "end", text: "", at: this.#text.length }
      throw new BadFilter("", `has something unreadable at character ${from + 1}${meantByUnreadable(this.#text, from)}`)
    }
    const [kind, text] = Object.entries(found.groups!).find(([, group]) => group !== undefined)!
    return { kind: kind as Kind, text, at: TOKEN.lastIndex - text.length }
  }

  #refuse(expected: string): never {
    const { at, kind, text } = this.#next
    const found = kind === "end" ? "ends" : `has ${text}`
    const meant = meantByUnexpected(text, this.#text[at - 1], expected === A_VALUE)
    throw new BadFilter("", `${found} at character ${at + 1}, where ${expected} was expected${meant}`)
  }
}

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
const meantByUnreadable = (text: string, at: number): string => {
  for (const [written, meant] of ELSEWHERE) {
    written.lastIndex = at
    const found = written.exec(text)?.[1]
    if (found !== undefined) return `; write ${meant(found)}`
  }
  return ""
}

const WORD = /^(?:and|or|in|not|exists|contains|true|false)$/iu

/** What was probably meant by a word or mark where another one was expected; `before` is the character in front of it. */
const meantByUnexpected = (text: string, before: string | undefined, isValueExpected: boolean): string => {
  const lower = text.toLowerCase()
  if (WORD.test(text) && text !== lower) return `; write ${lower}`
  if (text === "=" && before === "=") return "; write = once"
  if (text === ">" && before === "<") return "; write !="
  return isValueExpected && /^\p{L}/u.test(text) ? `; write ${JSON.stringify(text)}` : ""
}
