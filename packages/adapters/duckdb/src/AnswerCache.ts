import type { RawRow, SqlValue } from "@millrace/core"
import { Cause, Deferred, Effect, Exit } from "effect"

export interface Statement {
  readonly text: string
  readonly values: ReadonlyArray<SqlValue>
}

type Rows = ReadonlyArray<RawRow>

/** A longer answer is not worth its memory. */
const ROWS_MAX = 5_000

/**
 * Rows by statement, good until the next write begins; a question that is being answered is not asked a second time.
 * What `as_of` decides is worked out from the rows each time, so an idle warehouse, whose `as_of` moves on all the
 * same, answers from here.
 *
 * **Details**
 *
 * While a write is under way nothing is taken or kept: a question that saw the watermark of a commit must not be
 * answered with rows from before it.
 */
export class AnswerCache<E> {
  readonly #rows = new Map<string, Rows>()
  /** Questions under way; undefined where whoever asked went away. */
  readonly #asking = new Map<string, Deferred.Deferred<Rows | undefined, E>>()
  readonly #max: number
  #writes = 0
  #writing = 0

  constructor(max: number) {
    this.#max = max
  }

  /** The rows of a statement: those at hand, those that another asks for already, or what `ask` gives. */
  readonly through = (statement: Statement, ask: Effect.Effect<Rows, E>): Effect.Effect<Rows, E> =>
    Effect.suspend(() => {
      if (this.#max === 0 || this.#writing > 0) return ask
      const key = keyOf(statement)
      const known = this.#rows.get(key)
      if (known !== undefined) return Effect.succeed(known)
      const asking = this.#asking.get(key)
      if (asking === undefined) return this.#ask(key, ask)
      return Effect.flatMap(Deferred.await(asking), (rows) =>
        rows === undefined ? this.through(statement, ask) : Effect.succeed(rows)
      )
    })

  #ask(key: string, ask: Effect.Effect<Rows, E>): Effect.Effect<Rows, E> {
    const before = this.#writes
    const asking = Deferred.makeUnsafe<Rows | undefined, E>()
    this.#asking.set(key, asking)
    return Effect.onExit(ask, (exit) =>
      Effect.suspend(() => {
        if (this.#asking.get(key) === asking) this.#asking.delete(key)
        if (Exit.isSuccess(exit)) this.#keep(key, exit.value, before)
        const gone = Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)
        return Deferred.done(asking, gone ? Exit.succeed(undefined) : exit)
      })
    )
  }

  /** What was asked before is out of date. */
  readonly forget = (): void => {
    this.#writes++
    this.#rows.clear()
    this.#asking.clear()
  }

  /** Around every write, successful or not. */
  readonly whileWriting = <A, F, R>(write: Effect.Effect<A, F, R>): Effect.Effect<A, F, R> =>
    Effect.acquireUseRelease(
      Effect.sync(() => {
        this.#writing++
        this.forget()
      }),
      () => write,
      () => Effect.sync(() => void this.#writing--)
    )

  #keep(key: string, rows: Rows, before: number) {
    if (this.#writes !== before || rows.length > ROWS_MAX) return
    if (this.#rows.size >= this.#max) this.#rows.delete(this.#rows.keys().next().value!)
    this.#rows.set(key, rows)
  }
}

/** Types apart: the text `"1"` and the number 1 are two questions. */
const keyOf = ({ text, values }: Statement): string =>
  JSON.stringify([
    text,
    values.map((value) => (typeof value === "bigint" ? `${value}n` : value)),
    values.map((value) => typeof value)
  ])
