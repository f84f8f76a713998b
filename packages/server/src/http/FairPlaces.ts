/**
 * A bounded number of places. Whoever comes gets one while fewer than an equal share are theirs, of one share more than there
 * are holders: so there is always room for somebody new.
 */
export class FairPlaces {
  readonly #max: number
  readonly #held = new Map<string, number>()
  #all = 0

  constructor(max: number) {
    this.#max = max
  }

  readonly enter = (who: string): boolean => {
    const mine = this.#held.get(who) ?? 0
    const holders = this.#held.size + (mine === 0 ? 1 : 0)
    if (this.#all >= this.#max || mine >= Math.ceil(this.#max / (holders + 1))) return false
    this.#held.set(who, mine + 1)
    this.#all++
    return true
  }

  readonly leave = (who: string): void => {
    const left = (this.#held.get(who) ?? 1) - 1
    if (left === 0) this.#held.delete(who)
    else this.#held.set(who, left)
    this.#all--
  }
}
