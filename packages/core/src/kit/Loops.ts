import { Context } from "effect"

/** Why a loop makes no progress. */
export interface LoopTrouble {
  /** `defect`: its last run broke; `failing`: it has failed for a while; `hung`: one run takes longer than any should. */
  readonly kind: "defect" | "failing" | "hung"
  /** Unix milliseconds. */
  readonly since: number
  /** What the last run that did not succeed ended with; of one that hangs, nothing is known. */
  readonly error: unknown
}

/** All loops of one name, as they are now. */
export interface LoopStatus {
  readonly name: string
  /** Without it the process does not do what it is there for. */
  readonly essential: boolean
  readonly failures: number
  readonly defects: number
  /** Unix milliseconds of the last run that succeeded. */
  readonly lastSuccess: number | undefined
  readonly trouble: LoopTrouble | undefined
}

export interface LoopSettings {
  /** One of few: it is a label. */
  readonly name: string
  readonly essential?: boolean
  /** How long it may fail before that is trouble. A defect is trouble at once: it does not pass by itself. */
  readonly failingAfterMillis?: number
  /** How long one run may take; waiting for work is no part of it. */
  readonly hungAfterMillis?: number
}

const FAILING_AFTER_MILLIS = 30_000
/** Longer than a rewrite of a large warehouse. */
const HUNG_AFTER_MILLIS = 1_800_000

interface Failed {
  readonly kind: "defect" | "failing"
  readonly error: unknown
  /** Of the first in a row. */
  readonly since: number
}

/** One loop as it runs. Its methods are called by the supervisor alone. */
export class Loop {
  readonly settings: LoopSettings
  #running: number | undefined
  #idle: number | undefined
  #failed: Failed | undefined
  #inRow = 0
  failures = 0
  defects = 0
  lastSuccess: number | undefined

  constructor(settings: LoopSettings) {
    this.settings = settings
  }

  begins(now: number): void {
    this.#running = now
  }

  /** It waits for work, and may do so for ever. */
  waits(now: number): void {
    this.#idle = now
  }

  goesOn(now: number): void {
    this.#idle = undefined
    this.#running = now
  }

  succeeds(now: number): void {
    this.#running = undefined
    this.#failed = undefined
    this.#inRow = 0
    this.lastSuccess = now
  }

  /** Returns how often in a row. */
  fails(kind: Failed["kind"], error: unknown, now: number): number {
    this.#running = undefined
    this.#idle = undefined
    this.#failed = { kind, error, since: this.#failed?.since ?? now }
    if (kind === "defect") this.defects++
    else this.failures++
    return ++this.#inRow
  }

  trouble(now: number): LoopTrouble | undefined {
    const { failingAfterMillis = FAILING_AFTER_MILLIS, hungAfterMillis = HUNG_AFTER_MILLIS } = this.settings
    const failed = this.#failed
    if (this.#idle === undefined && this.#running !== undefined && now - this.#running >= hungAfterMillis) {
      return { kind: "hung", since: this.#running, error: failed?.error }
    }
    if (failed === undefined) return undefined
    // What failed was given to somebody else, or set aside: there is nothing left to make progress with.
    if (this.#idle !== undefined && now - this.#idle >= failingAfterMillis) return undefined
    const passes = failed.kind !== "defect" && !needsOperator(failed.error)
    return passes && now - failed.since < failingAfterMillis ? undefined : failed
  }
}

const needsOperator = (error: unknown): boolean =>
  error instanceof Error && "needsOperator" in error && error.needsOperator === true

/** The background work of one process, or of one instance in it: what became of it, for readiness, metrics and people. */
export class LoopRegistry {
  readonly #loops = new Set<Loop>()
  /** Of those that ended. */
  readonly #ended = new Map<string, LoopStatus>()

  add(settings: LoopSettings): Loop {
    return this.enter(new Loop(settings))
  }

  protected enter(loop: Loop): Loop {
    this.#loops.add(loop)
    return loop
  }

  /** What it counted stays counted. */
  remove(loop: Loop): void {
    if (!this.#loops.delete(loop)) return
    const { name } = loop.settings
    this.#ended.set(name, { ...combine(this.#ended.get(name), loop, 0), trouble: undefined })
  }

  status(now: number): ReadonlyArray<LoopStatus> {
    const byName = new Map(this.#ended)
    for (const loop of this.#loops) byName.set(loop.settings.name, combine(byName.get(loop.settings.name), loop, now))
    return [...byName.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1))
  }
}

const combine = (others: LoopStatus | undefined, loop: Loop, now: number): LoopStatus => ({
  name: loop.settings.name,
  essential: loop.settings.essential === true,
  failures: (others?.failures ?? 0) + loop.failures,
  defects: (others?.defects ?? 0) + loop.defects,
  lastSuccess: loop.lastSuccess ?? others?.lastSuccess,
  trouble: others?.trouble ?? loop.trouble(now)
})

/** Where loops are known. Whoever runs several instances in one process gives each a registry of its own. */
export const Loops = Context.Reference<LoopRegistry>("@millrace/core/loop/Loops", {
  defaultValue: () => new LoopRegistry()
})

/** The loop that the present fiber belongs to. */
export const CurrentLoop = Context.Reference<Loop | undefined>("@millrace/core/loop/CurrentLoop", {
  defaultValue: () => undefined
})
