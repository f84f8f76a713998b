import type { RawRow, SqlValue } from "@millrace/core"
import { Effect } from "effect"

export interface Statement {
  readonly text: string
  readonly values: ReadonlyArray<SqlValue>
}

type Rows = ReadonlyArray<RawRow>

/** A longer answer is not worth its memory. */
const ROWS_MAX = 5_000

/**
 * Rows by statement, good until the next write begins. What `as_of` decides is worked out from the rows each time, so an
 * idle warehouse, whose `as_of` moves on all the same, answers from here.
 *
 * **Details**
 *
 * While a write is under way nothing is taken or kept: a question that saw the watermark of a commit must not be
 * answered with rows from before it.
 */
export class AnswerCache {
  readonly #rows = new Map<string, Rows>()
  readonly #max: number
  #writes = 0
  #writing = 0

  constructor(max: number) {
    this.#max = max
  }

  /** The rows of a statement: those at hand, or what `ask` gives. */
  readonly through = <E>(statement: Statement, ask: Effect.Effect<Rows, E>): Effect.Effect<Rows, E> =>
    Effect.suspend(() => {
      if (this.#writing > 0) return ask
      const key = keyOf(statement)
      const known = this.#rows.get(key)
      if (known !== undefined) return Effect.succeed(known)
      const before = this.#writes
      return Effect.tap(ask, (rows) => Effect.sync(() => this.#keep(key, rows, before)))
    })

  /** What was asked before is out of date. */
  readonly forget = (): void => {
    this.#writes++
    this.#rows.clear()
  }

  /** Around every write, successful or not. */
  readonly whileWriting = <A, E, R>(write: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.acquireUseRelease(
      Effect.sync(() => {
        this.#writing++
        this.forget()
      }),
      () => write,
      () => Effect.sync(() => void this.#writing--)
    )

  #keep(key: string, rows: Rows, before: number) {
    if (this.#max === 0 || this.#writes !== before || rows.length > ROWS_MAX) return
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
