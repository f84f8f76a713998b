import { pad } from "../render/table.ts"

export interface Finding {
  readonly name: string
  readonly ok: boolean
  readonly detail: string
  /** What to do about it; absent when all is well. */
  readonly advice?: string
}

export const renderFindings = (findings: ReadonlyArray<Finding>): ReadonlyArray<string> => {
  const width = Math.max(...findings.map(({ name }) => name.length))
  return findings.flatMap(({ detail, name, ok, advice }) => [
    `${ok ? "ok  " : "FAIL"}  ${pad(name, width, "left")}  ${detail}`,
    ...(advice === undefined ? [] : [`      ${" ".repeat(width)}  → ${advice}`])
  ])
}
