import { printable } from "./table.ts"

export const percent = (share: number) => `${(share * 100).toFixed(1)}%`

const DIGITS_MAX = 3

/** A number in groups of digits, a dash for what is not there. */
export const numberText = (value: number | null): string =>
  value === null ? "–" : value.toLocaleString("en-US", { maximumFractionDigits: DIGITS_MAX })

export const plainText = (value: unknown): string => {
  if (value === null || value === undefined || typeof value === "number") return numberText(value ?? null)
  if (typeof value === "boolean") return value ? "yes" : "no"
  return printable(typeof value === "string" ? value : JSON.stringify(value))
}

const UNITS = [
  ["d", 86_400],
  ["h", 3_600],
  ["m", 60]
] as const

/** Two units at most: `3d 4h`, `12m 5s`, `4.2s`. */
export const duration = (seconds: number | null): string => {
  if (seconds === null) return "–"
  if (seconds < 60) return `${Number(seconds.toFixed(1))}s`
  const at = UNITS.findIndex(([, size]) => seconds >= size)
  const [unit, size] = UNITS[at]!
  const [smaller, smallerSize] = UNITS[at + 1] ?? (["s", 1] as const)
  const rest = Math.floor((seconds % size) / smallerSize)
  return `${Math.floor(seconds / size)}${unit}${rest === 0 ? "" : ` ${rest}${smaller}`}`
}
