/** Style that the terminal can show. */
export interface Style {
  readonly colour: boolean
  /** Columns; lines are kept within it where the data allows. */
  readonly width: number
}

const MIN_WIDTH = 40
const DEFAULT_WIDTH = 80

/** Colours only on a terminal, and not where NO_COLOR is set (no-color.org). */
export const styleOf = (
  stream: { readonly isTTY?: boolean; readonly columns?: number },
  env: Readonly<Record<string, string | undefined>>
): Style => ({
  colour: stream.isTTY === true && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb",
  width: Math.max(MIN_WIDTH, stream.columns ?? DEFAULT_WIDTH)
})

const ESCAPE = "\u001b["

export const dim = (text: string, { colour }: Style) => (colour ? `${ESCAPE}2m${text}${ESCAPE}0m` : text)
export const bold = (text: string, { colour }: Style) => (colour ? `${ESCAPE}1m${text}${ESCAPE}0m` : text)
export const cyan = (text: string, { colour }: Style) => (colour ? `${ESCAPE}36m${text}${ESCAPE}0m` : text)

/** Dark to light, 256 colours; text stays readable on each. */
const RAMP = [236, 23, 24, 30, 31, 37, 43, 79] as const
const SHADES = ["  ", "░░", "▒▒", "▓▓", "██"] as const

/** A cell of a heat map: a background on terminals with colour, shading after the text elsewhere. */
export const heat = (text: string, fraction: number, style: Style): string => {
  const level = (steps: number) => Math.min(steps - 1, Math.ceil(Math.min(1, Math.max(0, fraction)) * (steps - 1)))
  if (!style.colour) return `${text} ${SHADES[level(SHADES.length)]!}`
  const step = level(RAMP.length)
  return `${ESCAPE}48;5;${RAMP[step]!};38;5;${step > 4 ? 16 : 255}m ${text} ${ESCAPE}0m`
}
