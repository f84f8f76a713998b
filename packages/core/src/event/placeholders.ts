/**
 * Ids that are nobody's (docs/semantics.md, "Identity"): what programs print where there is no value. An event of such a
 * user is refused, since whoever it was cannot be told.
 */
const NO_VALUE: ReadonlySet<string> = new Set([
  "",
  "undefined",
  "null",
  "none",
  "nan",
  "object object",
  "object undefined",
  "object null",
  "object promise",
  "object map",
  "object set",
  "object window",
  "object htmlinputelement",
  "00000000-0000-0000-0000-000000000000",
  "00000000000000000000000000000000"
])

/** Words that stand in an id's place for many people at once: each counts as one user, and is never merged. */
const SHARED: ReadonlySet<string> = new Set([
  "0",
  "anonymous",
  "anonymous_id",
  "distinct_id",
  "distinctid",
  "email",
  "false",
  "guest",
  "id",
  "n/a",
  "nil",
  "not_authenticated",
  "true",
  "unknown",
  "user_id",
  "userid"
])

/** Without blanks (also those that have no width), quotes and brackets around it, in lower case. */
const bare = (id: string): string =>
  id.replaceAll(/^[\s\u200B-\u200D\u2060"'(<[{]+|[\s\u200B-\u200D\u2060"')>\]}]+$/gu, "").toLowerCase()

const [SPACE, ZERO, BEYOND_ASCII] = [32, 48, 128]
const OPENING: ReadonlySet<number> = new Set([..."\"'(<[{"].map((mark) => mark.charCodeAt(0)))
const [A, N, O, U] = [97, 110, 111, 117]

/**
 * Whether an id with these first two codes, of characters or of bytes, may be {@link isNobody}: nearly every id is told from
 * all of them by its first two. Blanks beyond ASCII have codes of their own.
 */
export const mayBeNobody = (first: number, second: number): boolean => {
  if (first <= SPACE || first >= BEYOND_ASCII) return true
  const next = second | 32
  switch (first | 32) {
    case U:
      return next === N
    case N:
      return next === U || next === O || next === A
    case ZERO:
      return second === ZERO
    default:
      return OPENING.has(first)
  }
}

/** Whether no user can have the id. */
export const isNobody = (id: string): boolean =>
  id === "" || (mayBeNobody(id.charCodeAt(0), id.charCodeAt(1)) && NO_VALUE.has(bare(id)))

/** Whether the id may be no end of a merge: one `$identify` of a broken page would make all of them one user for good. */
export const isPlaceholder = (id: string): boolean => {
  const word = bare(id)
  return NO_VALUE.has(word) || SHARED.has(word)
}

/** For the warehouse to look for merges that were made before there was this rule. */
export const placeholders: ReadonlyArray<string> = [...NO_VALUE, ...SHARED]
