import { type QuarterSpan, UserSet } from "@millrace/core"
import { type Alias, type Aliases, type FirstQuarters, moveIn } from "./Aliases.ts"

/** Users of one event type of a page, ordered by quarter hour. */
export interface Run {
  readonly event_type: string
  readonly quarters: Int32Array
  readonly users: Int32Array
}

interface Kept {
  readonly span: QuarterSpan
  readonly users: UserSet
}

/** In quarter hours, both inclusive; nothing has happened outside. */
export interface Bounds {
  readonly earliest: number
  readonly latest: number
}

const QUARTERS_PER_DAY = 96
const EMPTY = new UserSet()

export const keyOfSpan = (span: QuarterSpan): string => span.map(({ from, until }) => `${from}-${until}`).join(",")

/** Users of one event type in one project: sets of users by span, as far as they were asked for, and all first quarter hours. */
export class EventTypeSets {
  /** Undefined until read; null where nothing ever happened. */
  bounds: Bounds | null | undefined
  first: FirstQuarters | undefined
  /** For the choice of what to forget. */
  lastUsed = 0
  readonly #spans = new Map<string, Kept>()
  /** By day of UTC, so that an event finds its spans at once. */
  readonly #byDay = new Map<number, Array<Kept>>()

  /** Undefined where it is not known. */
  users(span: QuarterSpan): UserSet | undefined {
    return this.isEmpty(span) ? EMPTY : this.#spans.get(keyOfSpan(span))?.users
  }

  /** Known without looking. */
  isEmpty(span: QuarterSpan): boolean {
    const { bounds } = this
    if (bounds === undefined) return false
    return bounds === null || span.every(({ from, until }) => until <= bounds.earliest || from > bounds.latest)
  }

  keep(span: QuarterSpan, users: UserSet): void {
    const kept = { span, users }
    this.#spans.set(keyOfSpan(span), kept)
    for (const day of daysOf(span)) this.#byDay.set(day, [...(this.#byDay.get(day) ?? []), kept])
  }

  /** Forgets all other spans. */
  retain(spans: ReadonlyArray<QuarterSpan>): void {
    const kept = spans.flatMap((span) => this.#spans.get(keyOfSpan(span)) ?? [])
    this.#spans.clear()
    this.#byDay.clear()
    for (const { span, users } of kept) this.keep(span, users)
  }

  get bytes(): number {
    let bytes = this.first?.bytes ?? 0
    for (const { users } of this.#spans.values()) bytes += users.bytes
    return bytes
  }

  rename(alias: Alias): void {
    for (const { users } of this.#spans.values()) moveIn(users, alias)
    this.first?.move(alias)
  }

  add({ quarters, users }: Run, aliases: Aliases): void {
    if (quarters.length === 0) return
    this.#widen(quarters[0]!, quarters[quarters.length - 1]!)
    let sets: ReadonlyArray<UserSet> = []
    let last = -1
    for (let row = 0; row < quarters.length; row++) {
      const quarter = quarters[row]!
      if (quarter !== last) sets = this.#setsAt(quarter)
      last = quarter
      const user = aliases.userOf(users[row]!)
      for (const set of sets) set.add(user)
      this.first?.observe(user, quarter)
    }
  }

  /** A span known to be empty may lie inside from now on: it is read when it is asked for. */
  #widen(from: number, to: number): void {
    if (this.bounds === undefined) return
    const { earliest, latest } = this.bounds ?? { earliest: from, latest: to }
    this.bounds = { earliest: Math.min(earliest, from), latest: Math.max(latest, to) }
  }

  #setsAt(quarter: number): ReadonlyArray<UserSet> {
    const near = this.#byDay.get(Math.floor(quarter / QUARTERS_PER_DAY)) ?? []
    return near
      .filter(({ span }) => span.some(({ from, until }) => quarter >= from && quarter < until))
      .map(({ users }) => users)
  }
}

const daysOf = (span: QuarterSpan): ReadonlySet<number> => {
  const days = new Set<number>()
  for (const { from, until } of span) {
    const end = Math.floor((until - 1) / QUARTERS_PER_DAY)
    for (let day = Math.floor(from / QUARTERS_PER_DAY); day <= end; day++) days.add(day)
  }
  return days
}
