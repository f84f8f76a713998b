import { Asker, type AskerId } from "../../port/Asker.ts"
import { Deferred, Effect, Option } from "effect"
import { lastOfMost, Shares } from "./Shares.ts"

export interface TurnOptions {
  /** Questions that run at one time. */
  readonly turns: number
  /** A question that runs for longer than this is a heavy one. */
  readonly sliceMillis: number
  /** Questions that wait. */
  readonly waitingMax: number
  /** How long one waits. */
  readonly waitMillis: number
}

type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/** Why a question did not get its turn. */
export type NoTurn = "full" | "late"

interface Waiter {
  readonly who: AskerId
  readonly heavy: boolean
  readonly admitted: Deferred.Deferred<Turn, NoTurn>
  turn: Turn | undefined
}

interface Turn {
  readonly who: AskerId
  heavy: boolean
  isStopping: boolean
  readonly stop: Deferred.Deferred<void>
}

/**
 * Who runs when, of questions that nobody knows the cost of. One turn is kept for questions in their first slice of time: a
 * question that runs for longer is heavy, of which one fewer than there are turns may go on while others wait. What is over
 * that is stopped, and begins again in the line of heavy ones, where it is not stopped a second time.
 *
 * **Details**
 *
 * Both lines go by {@link Shares}. When too many wait the newest of those who have the most is refused, so that nobody's
 * flood refuses others. A single turn is nobody's to keep: there heavy questions hold all others up.
 */
export class Turns {
  readonly #options: TurnOptions
  readonly #shares = new Shares()
  readonly #waiting: Array<Waiter> = []
  readonly #running: Array<Turn> = []
  /** Set while someone has, or waits for, all turns. */
  #alone: Deferred.Deferred<void> | undefined

  constructor(options: TurnOptions) {
    this.#options = options
  }

  /** `use` has to bear being interrupted and begun again. */
  readonly run = <A, E, R>(use: Effect.Effect<A, E, R>): Effect.Effect<A, E | NoTurn, R> =>
    Effect.flatMap(Asker, (who) => this.#attempt(who, use, false))

  #attempt<A, E, R>(who: AskerId, use: Effect.Effect<A, E, R>, heavy: boolean): Effect.Effect<A, E | NoTurn, R> {
    const once = Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(this.#enter(who, heavy, restore), (turn) =>
        Effect.ensuring(
          restore(Effect.raceFirst(Effect.asSome(use), Effect.as(this.#watch(turn), Option.none<A>()))),
          Effect.sync(() => this.#leave(turn))
        )
      )
    )
    return Effect.flatMap(
      once,
      Option.match({ onNone: () => this.#attempt(who, use, true), onSome: (found) => Effect.succeed(found) })
    )
  }

  /** While nobody runs and nobody begins. One at a time; heavy questions that run begin again afterwards. */
  readonly alone = <A, E, R>(use: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.acquireUseRelease(
      Effect.sync(() => {
        this.#alone = Deferred.makeUnsafe<void>()
        this.#settle()
        return this.#alone
      }),
      (empty) => Effect.andThen(Deferred.await(empty), use),
      () =>
        Effect.sync(() => {
          this.#alone = undefined
          this.#settle()
        })
    )

  #enter(who: AskerId, heavy: boolean, restore: Restore): Effect.Effect<Turn, NoTurn> {
    return Effect.suspend(() => {
      const waiter: Waiter = { who, heavy, admitted: Deferred.makeUnsafe(), turn: undefined }
      this.#waiting.push(waiter)
      this.#settle()
      if (this.#waiting.length > this.#options.waitingMax) this.#refuseOne()
      return Deferred.await(waiter.admitted).pipe(
        Effect.timeoutOrElse({ duration: this.#options.waitMillis, orElse: () => Effect.fail("late" as const) }),
        restore,
        Effect.onError(() => Effect.sync(() => this.#giveUp(waiter)))
      )
    })
  }

  /** Whoever goes away may have been admitted a moment before. */
  #giveUp(waiter: Waiter): void {
    const at = this.#waiting.indexOf(waiter)
    if (at !== -1) this.#waiting.splice(at, 1)
    if (waiter.turn !== undefined) this.#leave(waiter.turn)
  }

  #refuseOne(): void {
    const refused = lastOfMost(this.#waiting)!
    this.#waiting.splice(this.#waiting.indexOf(refused), 1)
    Deferred.doneUnsafe(refused.admitted, Effect.fail("full"))
  }

  #leave(turn: Turn): void {
    this.#running.splice(this.#running.indexOf(turn), 1)
    this.#shares.leave(turn.who)
    this.#settle()
  }

  /** Ends when the turn has to be given back. */
  #watch(turn: Turn): Effect.Effect<void> {
    const slice = Effect.andThen(
      Effect.sleep(turn.heavy ? 0 : this.#options.sliceMillis),
      Effect.sync(() => {
        turn.heavy = true
        this.#settle()
      })
    )
    return Effect.andThen(slice, Deferred.await(turn.stop))
  }

  /** Gives turns to whom they belong, and takes back what is over. */
  #settle(): void {
    if (this.#alone !== undefined) {
      for (const turn of this.#running) if (turn.heavy) this.#stop(turn)
      if (this.#running.length === 0) Deferred.doneUnsafe(this.#alone, Effect.void)
      return
    }
    while (this.#running.length < this.#options.turns) {
      const next = this.#next()
      if (next === undefined) break
      this.#admit(next)
    }
    this.#shares.keep(this.#waiting.map(({ who }) => who))
    if (this.#running.some(({ isStopping }) => isStopping)) return
    const heavy = this.#running.filter((turn) => turn.heavy)
    if (heavy.length <= this.#heavyMax) return
    const over = lastOfMost(heavy)!
    if (this.#waiting.some((waiter) => this.#comesBefore(waiter, over))) this.#stop(over)
  }

  /** A heavy question of a project that has its share waits behind those of others: not they behind its flood. */
  #comesBefore({ heavy, who }: Waiter, over: Turn): boolean {
    if (!heavy || who.project === over.who.project) return true
    return this.#shares.runningOf(who.project) < this.#shares.runningOf(over.who.project)
  }

  get #heavyMax(): number {
    return Math.max(1, this.#options.turns - 1)
  }

  #next(): Waiter | undefined {
    const running = this.#running.filter((turn) => turn.heavy).length
    const heavy = running < this.#heavyMax ? this.#waiting.filter((waiter) => waiter.heavy) : []
    return this.#shares.first(heavy) ?? this.#shares.first(this.#waiting.filter((waiter) => !waiter.heavy))
  }

  #admit(waiter: Waiter): void {
    const { heavy, who } = waiter
    const turn: Turn = { who, heavy, isStopping: false, stop: Deferred.makeUnsafe() }
    this.#waiting.splice(this.#waiting.indexOf(waiter), 1)
    this.#running.push(turn)
    this.#shares.enter(who)
    waiter.turn = turn
    Deferred.doneUnsafe(waiter.admitted, Effect.succeed(turn))
  }

  #stop(turn: Turn): void {
    turn.isStopping = true
    Deferred.doneUnsafe(turn.stop, Effect.void)
  }
}
