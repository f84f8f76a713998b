/**
 * Whether this is CI's run, or a whole one that was asked for: nothing is left out and random laws take their full number
 * of runs.
 */
const isWholeRun = process.env["CI"] === "true" || process.env["MILLRACE_LONG"] === "1"

/** Runs that a random law takes: as many as the variable says, else `whole` in a whole run and `short` on a laptop. */
export const runsOf = (
  { short, whole }: { readonly short: number; readonly whole: number },
  variable = "MILLRACE_PROPERTY_HISTORIES"
): number => Number(process.env[variable] ?? (isWholeRun ? whole : short))
