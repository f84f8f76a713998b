import type { Origin } from "@millrace/core"
import { type Cursor, formatCursor } from "./Cursor.ts"

const PREFIX = "page/"

/** Where the events of a page lie: after one cursor, up to and with another. */
export const between = (after: Cursor, end: Cursor): Origin => ({
  log: `${PREFIX}${formatCursor(after)}/${formatCursor(end)}`,
  position: 0,
  offset: 0
})

/** The cursors of {@link between}; `undefined` for what was not read from here. */
export const placeOf = (origin: Origin | undefined): { readonly after: string; readonly end: string } | undefined => {
  const [after, end] = origin?.log.startsWith(PREFIX) === true ? origin.log.slice(PREFIX.length).split("/") : []
  return after === undefined || end === undefined ? undefined : { after, end }
}
