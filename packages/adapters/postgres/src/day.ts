const MICROS_PER_DAY = 86_400_000_000

/** UTC microseconds → days since 1970. */
export const dayOf = (micros: number): number => Math.floor(micros / MICROS_PER_DAY)
