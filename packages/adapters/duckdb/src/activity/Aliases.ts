import { NEVER, UserSet } from "@millrace/core"

/** One merged id's number and that of the user whose events its events are. */
export interface Alias {
  readonly alias: number
  readonly user: number
}

/** Numbers of merged ids in one project, each with the number that it counts as. */
export class Aliases {
  #userOf = new Int32Array(0)
  readonly #merged = new UserSet()

  userOf(number: number): number {
    return this.#merged.has(number) ? this.#userOf[number]! : number
  }

  add({ alias, user }: Alias): void {
    if (alias >= this.#userOf.length) {
      const longer = new Int32Array(Math.ceil((alias + 1) * 1.25))
      longer.set(this.#userOf)
      this.#userOf = longer
    }
    this.#userOf[alias] = user
    this.#merged.add(alias)
  }

  get bytes(): number {
    return this.#userOf.byteLength + this.#merged.bytes
  }

  /** Puts users in the place of the ids that were merged into them. */
  resolve(users: UserSet): void {
    const merged = users.and(this.#merged)
    if (merged.size > 0) merged.forEach((alias) => moveIn(users, { alias, user: this.#userOf[alias]! }))
  }

  /** The same over first quarter hours by number. */
  resolveFirst(first: FirstQuarterHours): void {
    this.#merged.forEach((alias) => first.move({ alias, user: this.#userOf[alias]! }))
  }
}

export const moveIn = (users: UserSet, { alias, user }: Alias): void => {
  if (!users.has(alias)) return
  users.delete(alias)
  users.add(user)
}

/** A first quarter hour by user number, growing as users come. */
export class FirstQuarterHours {
  #first: Int32Array

  constructor(first: Int32Array = new Int32Array(0)) {
    this.#first = first
  }

  get bytes(): number {
    return this.#first.byteLength
  }

  /** At least so many users. */
  quarterHours(users: number): Int32Array {
    if (users > this.#first.length) {
      const longer = new Int32Array(Math.ceil(users * 1.25)).fill(NEVER)
      longer.set(this.#first)
      this.#first = longer
    }
    return this.#first
  }

  observe(user: number, quarterHour: number): void {
    const first = this.quarterHours(user + 1)
    if (quarterHour < first[user]!) first[user] = quarterHour
  }

  move({ alias, user }: Alias): void {
    const quarterHour = this.#first[alias] ?? NEVER
    if (quarterHour === NEVER) return
    this.#first[alias] = NEVER
    this.observe(user, quarterHour)
  }
}
