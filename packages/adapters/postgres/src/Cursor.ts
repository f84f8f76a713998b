import type { Cursor as CursorText } from "@millrace/core"
import { Effect } from "effect"
import { DriverFailure } from "./errors.ts"

/** After event `n` of transaction `xid`; `xid` is 64 bits wide, so it stays text. */
export interface Cursor {
  readonly xid: string
  readonly n: number
}

const START: Cursor = { xid: "0", n: 0 }

export const formatCursor = ({ n, xid }: Cursor): CursorText => `${xid}-${n}`

export const parseCursor = (text: CursorText): Effect.Effect<Cursor, DriverFailure> => {
  if (text === "") return Effect.succeed(START)
  const match = /^(\d{1,20})-(\d{1,10})$/u.exec(text)
  return match === null
    ? Effect.fail(new DriverFailure(`${JSON.stringify(text)} is no cursor of this store`, "data"))
    : Effect.succeed({ xid: match[1]!, n: Number(match[2]) })
}
