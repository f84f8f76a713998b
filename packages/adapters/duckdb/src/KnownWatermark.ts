import type { Watermark } from "@millrace/core"
import { Effect, Exit } from "effect"
import type { Sharing } from "./databaseFile.ts"

/**
 * The watermark, remembered: every question asks for it, and would wait for a connection behind heavy ones otherwise. This
 * process alone writes the file, so it is what the last commit made it; while another layer has the file open as well, it
 * is read each time. A commit is known only after it: what is told never claims more than is loaded.
 */
export class KnownWatermark<E> {
  readonly #read: Effect.Effect<Watermark, E>
  readonly #isShared: () => boolean
  /** As the file has it. */
  #stored: Watermark | undefined
  /** Its `as_of` where that moved without a write to disk; a restart falls back to the one on disk, which is earlier. */
  #latest: Watermark | undefined
  /** Whatever was read before it changed is not remembered. */
  #changes = 0

  constructor(read: Effect.Effect<Watermark, E>, { isShared, onShared }: Sharing) {
    this.#read = read
    this.#isShared = isShared
    onShared(() => this.#remember(undefined))
  }

  readonly stored: Effect.Effect<Watermark, E> = Effect.suspend(() => {
    if (this.#stored !== undefined) return Effect.succeed(this.#stored)
    const remember = this.#unlessChanged()
    return Effect.tap(this.#read, (found) => Effect.sync(() => remember(found)))
  })

  readonly current: Effect.Effect<Watermark, E> = Effect.suspend(() =>
    Effect.map(this.stored, (stored) => ({ ...stored, as_of: this.movedFrom(stored) ?? stored.as_of }))
  )

  /** The `as_of` that is later than the one on disk; undefined where there is none. */
  movedFrom({ cursor }: Watermark): number | undefined {
    return this.#latest?.cursor === cursor ? this.#latest.as_of : undefined
  }

  /** Without a write to disk. */
  move(watermark: Watermark): void {
    this.#latest = watermark
  }

  /** Around what makes it `watermark`. After a failure it is read anew: the commit may have been made. */
  readonly whileWriting = <A, F, R>(watermark: Watermark, write: Effect.Effect<A, F, R>): Effect.Effect<A, F, R> =>
    Effect.suspend(() => {
      const remember = this.#unlessChanged()
      return Effect.onExit(write, (exit) =>
        Effect.sync(() => {
          remember(Exit.isSuccess(exit) ? watermark : undefined)
          if (Exit.isSuccess(exit)) this.#latest = undefined
        })
      )
    })

  #unlessChanged(): (stored: Watermark | undefined) => void {
    const before = this.#changes
    return (stored) => this.#remember(this.#changes === before && !this.#isShared() ? stored : undefined)
  }

  #remember(stored: Watermark | undefined): void {
    this.#changes++
    this.#stored = stored
  }
}
