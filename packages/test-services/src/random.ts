import { mulberry32 } from "./mulberry32.ts"

/** What a schedule is made of: numbers that a seed decides. */
export interface Random {
  /** `[0, 1)` */
  readonly next: () => number
  /** A whole number in `[minimum, maximum]`. */
  readonly between: (minimum: number, maximum: number) => number
  readonly pick: <A>(values: ReadonlyArray<A>) => A
  readonly chance: (probability: number) => boolean
  readonly shuffle: <A>(values: ReadonlyArray<A>) => ReadonlyArray<A>
  readonly uuid: () => string
}

export const randomOf = (seed: number): Random => {
  const next = mulberry32(seed)
  const between = (minimum: number, maximum: number) => minimum + Math.floor(next() * (maximum - minimum + 1))
  const hex = (digits: number) => Array.from({ length: digits }, () => Math.floor(next() * 16).toString(16)).join("")
  return {
    next,
    between,
    pick: (values) => values[Math.floor(next() * values.length)]!,
    chance: (probability) => next() < probability,
    shuffle: (values) =>
      values
        .map((value) => ({ value, place: next() }))
        .toSorted((left, right) => left.place - right.place)
        .map(({ value }) => value),
    uuid: () => `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-${hex(12)}`
  }
}
