import { Effect, type Scope } from "effect"

/** Whether several layers of this process have one file open: then each changes it under the others. */
export interface Sharing {
  readonly isShared: () => boolean
  /** What to do once another layer opens the file as well: whatever is remembered of it is out of date from then on. */
  readonly onShared: (listener: () => void) => void
}

/** By file, what to do in each layer that has it open. */
const opened = new Map<string, Set<() => void>>()

/** For as long as the scope lives. */
export const shareFile = (path: string): Effect.Effect<Sharing, never, Scope.Scope> =>
  Effect.gen(function* () {
    const listeners: Array<() => void> = []
    const tell = () => {
      for (const listener of listeners) listener()
    }
    const layers = yield* Effect.acquireRelease(
      Effect.sync(() => {
        const known = path === ":memory:" ? new Set<() => void>() : (opened.get(path) ?? new Set())
        if (path !== ":memory:") opened.set(path, known)
        for (const tellOther of known) tellOther()
        return known.add(tell)
      }),
      (known) =>
        Effect.sync(() => {
          known.delete(tell)
          if (known.size === 0) opened.delete(path)
        })
    )
    return { isShared: () => layers.size > 1, onShared: (listener) => void listeners.push(listener) }
  })
