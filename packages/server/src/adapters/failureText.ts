import { inspect } from "node:util"

/** On one line: what failed, and what a driver or a schema said of it where that is not told already. */
export const failureText = (error: unknown): string => {
  const own = messageOf(error)
  const origin = messageOf(originOf(error))
  const text = own === "" || own.includes(origin) ? own || origin : `${own}: ${origin}`
  // A tagged error may have no message at all; its tag and fields say it then.
  return (text === "" ? inspect(error) : text).replaceAll(/\s*\n\s*/gu, " ")
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : "")

const MAX_DEPTH = 8

/** Walks down to what an adapter wrapped: `reason` and `cause` of each error. */
const originOf = (error: unknown, depth = 0): unknown => {
  if (typeof error !== "object" || error === null || depth === MAX_DEPTH) return error
  const inner = "reason" in error ? error.reason : "cause" in error ? error.cause : undefined
  return typeof inner === "object" && inner !== null ? originOf(inner, depth + 1) : error
}
