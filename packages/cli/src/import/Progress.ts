import { Clock, Effect } from "effect"
import { grouped } from "../render/table.ts"
import type { ImportCounts } from "./runImport.ts"

interface ProgressOptions {
  /** `undefined` where the length is not known: no bar, no ETA. */
  readonly totalBytes: number | undefined
  /** Read in an earlier run: they say nothing about this one's speed. */
  readonly skippedBytes: number
  readonly skippedRows: number
  readonly terminal: boolean
  readonly width: number
  readonly write: (text: string) => void
}

const TERMINAL_EVERY_MILLIS = 100
const PLAIN_EVERY_MILLIS = 2_000
const BAR_WIDTH = 24
const CLEAR_LINE = "\r\u001b[2K"

interface Progress {
  readonly update: (counts: ImportCounts) => Effect.Effect<void>
  readonly end: Effect.Effect<void>
}

/** One line that redraws itself on a terminal, now and then a plain line elsewhere. */
export const makeProgress = Effect.fnUntraced(function* (options: ProgressOptions) {
  const startedAt = yield* Clock.currentTimeMillis
  let drawnAt = startedAt
  const every = options.terminal ? TERMINAL_EVERY_MILLIS : PLAIN_EVERY_MILLIS
  const update = Effect.fnUntraced(function* (counts: ImportCounts) {
    const now = yield* Clock.currentTimeMillis
    if (now - drawnAt < every) return
    drawnAt = now
    const line = progressLine(counts, (now - startedAt) / 1000, options)
    options.write(options.terminal ? `${CLEAR_LINE}${line.slice(0, options.width - 1)}` : `${line}\n`)
  })
  const end = Effect.sync(() => {
    if (options.terminal) options.write(CLEAR_LINE)
  })
  return { update, end } satisfies Progress
})

export const progressLine = (
  counts: ImportCounts,
  seconds: number,
  { skippedBytes, skippedRows, terminal, totalBytes }: ProgressOptions
): string => {
  const rate = seconds > 0 ? (counts.rows - skippedRows) / seconds : 0
  const parts = [`${grouped(counts.rows)} rows`, `${grouped(Math.round(rate))} rows/s`]
  if (counts.rejected > 0) parts.push(`${grouped(counts.rejected)} rejected`)
  if (totalBytes === undefined || totalBytes === 0) return parts.join("  ")
  const fraction = Math.min(1, counts.readBytes / totalBytes)
  const done = counts.readBytes - skippedBytes
  const left = done > 0 ? (seconds * (totalBytes - counts.readBytes)) / done : undefined
  const percent = `${String(Math.floor(fraction * 100)).padStart(3)} %`
  return [
    ...(terminal ? [drawnBar(fraction)] : []),
    percent,
    ...parts,
    ...(left === undefined ? [] : [`ETA ${clock(left)}`])
  ].join("  ")
}

const drawnBar = (fraction: number): string => {
  const full = Math.round(fraction * BAR_WIDTH)
  return `${"█".repeat(full)}${"░".repeat(BAR_WIDTH - full)}`
}

/** `0:07`, `12:30`, `1:02:03`. */
export const clock = (seconds: number): string => {
  const whole = Math.max(0, Math.round(seconds))
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  const tail = String(rest).padStart(2, "0")
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, "0")}:${tail}` : `${minutes}:${tail}`
}
