import type { Label } from "@millrace/core/account"

export const namesOf = (name: string) => ({
  events: name,
  dead: `${name}-dead-letters`,
  ledger: `${name}-ledger`,
  advisories: `${name}-advisories`,
  subjects: {
    events: `${name}.events`,
    nudge: `${name}.events.nudge`,
    letters: `${name}.dead.letter`,
    unreadable: `${name}.dead.unreadable`,
    record: `${name}.ledger.record`,
    checkpoint: `${name}.ledger.checkpoint`
  }
})
export type Names = ReturnType<typeof namesOf>

const EMPTY = "%"

/** As one token of a subject, which must hold no dot, space or wildcard. */
export const tokenOf = (project_id: string): string =>
  project_id === ""
    ? EMPTY
    : encodeURIComponent(project_id.toWellFormed()).replaceAll(".", "%2E").replaceAll("*", "%2A")

const projectOf = (token: string): string => (token === EMPTY ? "" : decodeURIComponent(token))

/** The subject of a message tells whose events it holds and how many, so that the server's own index counts them. */
export const subjectOf = (prefix: string, { count, project_id, replay }: Label): string =>
  `${prefix}.${replay ? "replay" : "fresh"}.${tokenOf(project_id)}.${count}`

/** `undefined` for a subject that this adapter did not make. */
export const labelOf = (prefix: string, subject: string): Label | undefined => {
  const [kind, token, digits, ...rest] = subject.slice(prefix.length + 1).split(".")
  const count = Number(digits)
  if (token === undefined || rest.length > 0 || !(count > 0) || !Number.isSafeInteger(count)) return undefined
  if (kind !== "fresh" && kind !== "replay") return undefined
  try {
    return { project_id: projectOf(token), count, replay: kind === "replay" }
  } catch {
    return undefined
  }
}
