import type { Random } from "@millrace/test-services"
import { type Disk, DiskError } from "./Disk.ts"
import type { LifePlan } from "./Plan.ts"

/** An error at the n-th call of a life, or at the first sync from there on. */
export interface Fault {
  readonly at: number
  readonly of: "any" | "sync"
  readonly code: "EIO" | "ENOSPC"
}

interface WorldOptions {
  readonly disk: Disk
  readonly random: Random
  readonly faults: ReadonlyArray<Fault>
  /** Nothing happens any more from this step on, or from the next sync of a file's data. */
  readonly endsAt: number
  readonly endsBefore: LifePlan["before"]
  readonly startMillis: number
  /** Told of each call when it is made good. */
  readonly trace?: (line: string) => void
}

interface Timer {
  readonly at: number
  readonly wake: () => void
}

/** What one call may do, and what it does when a fault strikes it. */
interface Call<A> {
  readonly name: string
  readonly path: string
  readonly run: () => A
  readonly strike?: (code: Fault["code"]) => void
}

/** That a life may be longer whose end waits for a sync. */
const SYNC_STEPS = 100
/** Simulated time passed by one call, at most. */
const CALL_MILLIS = 20

/** One life of a process: which of the calls that wait is next is up to the seed, and so is when it all ends. */
export class World {
  readonly disk: Disk
  readonly #options: WorldOptions
  #waiting: Array<() => void> = []
  #timers: Array<Timer> = []
  #calls = 0
  /** Faults of syncs that have struck. */
  readonly #synced = new Set<number>()
  steps = 0
  nowMillis: number
  isOver = false
  isSpinning = false
  /** Of the fault that struck last. */
  struck: string | undefined

  constructor(options: WorldOptions) {
    this.#options = options
    this.disk = options.disk
    this.nowMillis = options.startMillis
  }

  /** Waits for its turn; a call that the end comes before is never answered. */
  call<A>({ name, path, run, strike }: Call<A>): Promise<A> {
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => {
        if (name === "fdatasync" && this.steps > this.#options.endsAt) return this.end()
        const number = ++this.#calls
        const fault = this.#faultOf(number, name)
        this.#options.trace?.(`${number} ${name} ${path}${fault === undefined ? "" : ` -> ${fault.code}`}`)
        try {
          if (fault === undefined) return resolve(run())
          strike?.(fault.code)
          this.struck = `${fault.code} at ${name} ${path}`
          throw new DiskError(fault.code, name, path)
        } catch (error) {
          reject(error)
        }
      })
    })
  }

  #faultOf(number: number, name: string): Fault | undefined {
    const fault = this.#options.faults.find(
      ({ at, of }) => at === number || (of === "sync" && at < number && !this.#synced.has(at))
    )
    if (fault?.of !== "sync") return fault
    if (!name.includes("sync")) return undefined
    this.#synced.add(fault.at)
    return fault
  }

  /** Returns what takes the timer back. */
  after(millis: number, wake: () => void): () => void {
    const timer = { at: this.nowMillis + millis, wake }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  /** Makes one call good, or lets time pass up to the next timer; false when there is nothing to wait for. */
  step(): boolean {
    if (this.isOver) return false
    const { endsAt, endsBefore } = this.#options
    if (++this.steps > endsAt + (endsBefore === "sync" ? SYNC_STEPS : 0)) {
      this.end()
      return false
    }
    const { random } = this.#options
    if (this.#waiting.length === 0) return this.#wakeNext()
    this.nowMillis += random.between(0, CALL_MILLIS)
    const [task] = this.#waiting.splice(random.between(0, this.#waiting.length - 1), 1)
    task!()
    while (this.#timers.some(({ at }) => at <= this.nowMillis)) this.#wakeNext()
    return true
  }

  #wakeNext(): boolean {
    let next: Timer | undefined
    for (const timer of this.#timers) if (next === undefined || timer.at < next.at) next = timer
    if (next === undefined) return false
    this.#timers = this.#timers.filter((timer) => timer !== next)
    this.nowMillis = Math.max(this.nowMillis, next.at)
    next.wake()
    return true
  }

  spins(): void {
    this.isSpinning = true
    this.end()
  }

  end(): void {
    this.isOver = true
    this.#waiting = []
    this.#timers = []
  }
}
