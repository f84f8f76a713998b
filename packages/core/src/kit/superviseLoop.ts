import { Cause, Clock, Effect, type Scope } from "effect"
import { CurrentLoop, type Loop, Loops, type LoopSettings } from "./Loops.ts"

export interface LoopOptions extends LoopSettings {
  /** After a failure; doubles up to the maximum. */
  readonly retryMillis?: number
  readonly maxRetryMillis?: number
  /** Pause before the first run. */
  readonly startAfterMillis?: number
  /** Fields of its log lines. */
  readonly annotations?: Readonly<Record<string, unknown>>
}

/** What a run answers: milliseconds until the next one; undefined: there is nothing more to do. */
export type NextRun = number | undefined

const RETRY_MILLIS = 100
const MAX_RETRY_MILLIS = 10_000

/**
 * Runs `step` again and again in the background, for as long as the scope lives or until it says that it is done: the one
 * way in which background work runs here. Nothing ends it early. A failure is a warning and a defect an error in the log;
 * both are counted, tried again after a pause that doubles, and trouble in the eyes of readiness until a run succeeds.
 */
export const superviseLoop = <E, R>(
  options: LoopOptions,
  step: Effect.Effect<NextRun, E, R>
): Effect.Effect<void, never, R | Scope.Scope> =>
  Effect.gen(function* () {
    const registry = yield* Loops
    const loop = registry.add(options)
    // Ours alone may end it, and an end is no trouble.
    const leave = Effect.sync(() => registry.remove(loop))
    const running = Effect.provideService(repeat(loop, options, step), CurrentLoop, loop)
    yield* Effect.forkScoped(Effect.ensuring(running, leave))
  })

const repeat = <E, R>(loop: Loop, options: LoopOptions, step: Effect.Effect<NextRun, E, R>) =>
  Effect.gen(function* () {
    const turn = runOnce(loop, step).pipe(
      Effect.catchCause((cause) => fails(loop, options, cause)),
      // Whatever it was that could not be noted: the loop goes on.
      Effect.catchCause(() => Effect.succeed(options.maxRetryMillis ?? MAX_RETRY_MILLIS))
    )
    if (options.startAfterMillis !== undefined) yield* Effect.sleep(options.startAfterMillis)
    while (true) {
      const millis = yield* turn
      if (millis === undefined) return
      yield* millis > 0 ? Effect.sleep(millis) : Effect.yieldNow
    }
  })

const runOnce = Effect.fnUntraced(function* <E, R>(loop: Loop, step: Effect.Effect<NextRun, E, R>) {
  loop.begins(yield* Clock.currentTimeMillis)
  const next = yield* step
  loop.succeeds(yield* Clock.currentTimeMillis)
  return next
})

/** Returns the pause. Interruption from outside never comes here; one from within is a failure like any other. */
const fails = Effect.fnUntraced(function* <E>(loop: Loop, options: LoopOptions, cause: Cause.Cause<E>) {
  const { annotations = {}, maxRetryMillis = MAX_RETRY_MILLIS, name, retryMillis = RETRY_MILLIS } = options
  const kind = Cause.hasDies(cause) ? "defect" : "failing"
  const attempt = loop.fails(kind, Cause.squash(cause), yield* Clock.currentTimeMillis)
  const millis = Math.min(retryMillis * 2 ** (attempt - 1), maxRetryMillis)
  const say =
    kind === "defect"
      ? Effect.logError(`${name} broke, trying again in ${millis} ms`, cause)
      : Effect.logWarning(`${name} failed, trying again in ${millis} ms`, cause)
  yield* Effect.annotateLogs(say, { ...annotations, loop: name, attempt })
  return millis
})

/** Around the part of a loop's step that waits until there is something to do, however long. */
export const waitForWork = <A, E, R>(wait: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(CurrentLoop, (loop) =>
    loop === undefined
      ? wait
      : Effect.flatMap(Clock.Clock, (clock) => {
          loop.waits(clock.currentTimeMillisUnsafe())
          return Effect.ensuring(
            wait,
            Effect.sync(() => loop.goesOn(clock.currentTimeMillisUnsafe()))
          )
        })
  )

/** The options of a loop that runs every so often, first after that time, and tries again no sooner. */
export const everyMillis = (
  name: string,
  millis: number
): Required<Pick<LoopOptions, "maxRetryMillis" | "name" | "retryMillis" | "startAfterMillis">> => ({
  name,
  startAfterMillis: millis,
  retryMillis: millis,
  maxRetryMillis: millis
})

/**
 * Background work that is done once, for as long as the scope lives: whatever it ends with is logged and counted under the
 * name, and troubles nobody afterwards.
 */
export const superviseOnce = <E, R>(
  name: string,
  work: Effect.Effect<unknown, E, R>
): Effect.Effect<void, never, R | Scope.Scope> => Effect.asVoid(Effect.forkScoped(countFailure(name, work)))

/** For work that is forked elsewhere: it always succeeds, and what it failed with was said. */
export const countFailure = <E, R>(name: string, work: Effect.Effect<unknown, E, R>): Effect.Effect<void, never, R> =>
  Effect.gen(function* () {
    const registry = yield* Loops
    const loop = registry.add({ name })
    const told = work.pipe(
      Effect.asVoid,
      Effect.catchCause((cause) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) => {
          const isDefect = Cause.hasDies(cause)
          loop.fails(isDefect ? "defect" : "failing", Cause.squash(cause), now)
          const line = isDefect ? Effect.logError(`${name} broke`, cause) : Effect.logWarning(`${name} failed`, cause)
          return Effect.annotateLogs(line, { loop: name })
        })
      )
    )
    yield* Effect.ensuring(
      told,
      Effect.sync(() => registry.remove(loop))
    )
  })
