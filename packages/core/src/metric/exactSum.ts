/**
 * A sum of doubles that knows no order: the definition that engines follow digit for digit.
 *
 * **Details**
 *
 * Numbers below 2^38 are integers of 2^-60 and larger ones, below 2^80, integers of 2^-14; both are added as integers, so
 * that what cancels, cancels wholly. What lies outside (the rest of a number below 2^-8, numbers from 2^80 on) is added
 * as doubles, with compensation.
 */
export const sumOf = (values: ReadonlyArray<number>): number => {
  let [small, large] = [0n, 0n]
  const rests: Array<number> = []
  for (const value of values) {
    const magnitude = Math.abs(value)
    if (magnitude < SMALL_BELOW) {
      const whole = Math.trunc(value * SMALL_UNITS)
      small += BigInt(whole)
      rests.push(value - whole / SMALL_UNITS)
    } else if (magnitude < LARGE_BELOW) large += BigInt(value * LARGE_UNITS)
    else rests.push(value)
  }
  const whole = large + small / SMALL_PER_LARGE
  const parts = [whole / LOW_PART, whole % LOW_PART, small % SMALL_PER_LARGE].map(Number)
  return (
    (parts[0]! * Number(LOW_PART)) / LARGE_UNITS +
    parts[1]! / LARGE_UNITS +
    parts[2]! / SMALL_UNITS +
    compensated(rests)
  )
}

export const SMALL_BELOW = 2 ** 38
export const SMALL_UNITS = 2 ** 60
export const LARGE_BELOW = 2 ** 80
export const LARGE_UNITS = 2 ** 14
export const SMALL_PER_LARGE = 2n ** 46n
/** A double holds what is below it, and what is above it of any sum there can be. */
export const LOW_PART = 2n ** 50n

/** Neumaier's. */
const compensated = (values: ReadonlyArray<number>): number => {
  let [sum, lost] = [0, 0]
  for (const value of values) {
    const next = sum + value
    lost += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum
    sum = next
  }
  return Number.isFinite(sum) ? sum + lost : sum
}
