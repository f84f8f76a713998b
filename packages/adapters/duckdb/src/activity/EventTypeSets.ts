import { type Period, UserSet } from "@millrace/core"
import { type Alias, type Aliases, type FirstQuarterHours, moveIn } from "./Aliases.ts"

/** Users of one event type of a page, ordered by quarter hour. */
export interface Run {
  readonly event_type: string
  readonly quarterHours: Int32Array
  readonly users: Int32Array
}

interface Kept {
  readonly period: Period
  readonly users: UserSet
}

/** Bounds in quarter hours, both inclusive; nothing has happened outside. */
export interface Bounds {
  readonly earliest: number
  readonly latest: number
}

const QUARTER_HOURS_PER_DAY = 96
const EMPTY = new UserSet()

const periodKey = (period: Period): string => period.map(({ from, until }) => `${from}-${until}`).join(",")

/**
 * Users of one event type in one project: sets of users by period, as far as they were asked for, and all first quarter
 * hours.
 */
export class EventTypeSets {
  /** Undefined until read; null where nothing ever happened. */
  bounds: Bounds | null | undefined
  first: FirstQuarterHours | undefined
  /** For the choice of what to forget. */
  lastUsed = 0
  readonly #periods = new Map<string, Kept>()
  /** By day of UTC, so that an event finds its periods at once. */
  readonly #byDay = new Map<number, Array<Kept>>()

  /** Undefined where it is not known. */
  users(period: Period): UserSet | undefined {
    return this.isEmpty(period) ? EMPTY : this.#periods.get(periodKey(period))?.users
  }

  /** Known without looking. */
  isEmpty(period: Period): boolean {
    const { bounds } = this
    if (bounds === undefined) return false
    return bounds === null || period.every(({ from, until }) => until <= bounds.earliest || from > bounds.latest)
  }

  keep(period: Period, users: UserSet): void {
    const kept = { period, users }
    this.#periods.set(periodKey(period), kept)
    for (const day of daysOf(period)) this.#byDay.set(day, [...(this.#byDay.get(day) ?? []), kept])
  }

  /** Forgets all other periods. */
  retain(periods: ReadonlyArray<Period>): void {
    const kept = periods.flatMap((period) => this.#periods.get(periodKey(period)) ?? [])
    this.#periods.clear()
    this.#byDay.clear()
    for (const { period, users } of kept) this.keep(period, users)
  }

  get bytes(): number {
    let bytes = this.first?.bytes ?? 0
    for (const { users } of this.#periods.values()) bytes += users.bytes
    return bytes
  }

  rename(alias: Alias): void {
    for (const { users } of this.#periods.values()) moveIn(users, alias)
    this.first?.move(alias)
  }

  add({ quarterHours, users }: Run, aliases: Aliases): void {
    if (quarterHours.length === 0) return
    this.#widen(quarterHours[0]!, quarterHours[quarterHours.length - 1]!)
    let sets: ReadonlyArray<UserSet> = []
    let last = -1
    for (let row = 0; row < quarterHours.length; row++) {
      const quarterHour = quarterHours[row]!
      if (quarterHour !== last) sets = this.#setsAt(quarterHour)
      last = quarterHour
      const user = aliases.userOf(users[row]!)
      for (const set of sets) set.add(user)
      this.first?.observe(user, quarterHour)
    }
  }

  /** A period known to be empty may lie inside from now on: it is read when it is asked for. */
  #widen(from: number, to: number): void {
    if (this.bounds === undefined) return
    const { earliest, latest } = this.bounds ?? { earliest: from, latest: to }
    this.bounds = { earliest: Math.min(earliest, from), latest: Math.max(latest, to) }
  }

  #setsAt(quarterHour: number): ReadonlyArray<UserSet> {
    const near = this.#byDay.get(Math.floor(quarterHour / QUARTER_HOURS_PER_DAY)) ?? []
    return near
      .filter(({ period }) => period.some(({ from, until }) => quarterHour >= from && quarterHour < until))
      .map(({ users }) => users)
  }
}

const daysOf = (period: Period): ReadonlySet<number> => {
  const days = new Set<number>()
  for (const { from, until } of period) {
    const end = Math.floor((until - 1) / QUARTER_HOURS_PER_DAY)
    for (let day = Math.floor(from / QUARTER_HOURS_PER_DAY); day <= end; day++) days.add(day)
  }
  return days
}
