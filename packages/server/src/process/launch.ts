import { Clock, Context, Effect, Exit, Layer, References, type Scope } from "effect"
import { HttpServer } from "effect/http"
import { server } from "../Server.ts"
import { storeOf } from "../adapters/registry.ts"
import { rolesOf } from "../adapters/roles.ts"
import type { Access } from "../auth/Access.ts"
import type { ServerOptions } from "../config.ts"
import { Running } from "../observe/Running.ts"
import { fatalLine } from "../observe/jsonLog.ts"

type Started = Context.Context<HttpServer.HttpServer | Access>

/**
 * A server as this process: serves until it is interrupted, or until it can only go on by being started anew, which is its
 * failure. The log has a line when it has started, when it begins to end and why, and when it has ended and how long that
 * took. In no span: every trace would be part of it.
 */
export const launch = <E, R>(
  options: ServerOptions,
  announce: (started: Started) => Effect.Effect<void, E, R>
): Effect.Effect<never, E | Layer.Error<ReturnType<typeof server>>, Exclude<R, Scope.Scope>> =>
  Effect.gen(function* () {
    const end = yield* logEnd
    const started = yield* Layer.build(server(options))
    yield* logStart(options, started)
    yield* Effect.addFinalizer(end.begins)
    yield* announce(started)
    return yield* Effect.tapError(Context.get(started, Running).fatal, logFatal)
  }).pipe(Effect.scoped, Effect.provideService(References.MinimumLogLevel, options.logLevel))

const logStart = (options: ServerOptions, started: Context.Context<HttpServer.HttpServer | Running>) =>
  Effect.annotateLogs(Effect.logInfo("started"), {
    address: HttpServer.formatAddress(Context.get(started, HttpServer.HttpServer).address),
    roles: rolesOf(options).join("+"),
    queue: options.queue,
    store: storeOf(options),
    warehouse: options.warehouse,
    durability: Context.get(started, Running).durability
  })

/** Its own finalizer is the first, so it runs when all is closed; `begins` belongs to the last. */
const logEnd = Effect.gen(function* () {
  const clock = yield* Clock.Clock
  let beganNanos: bigint | undefined
  yield* Effect.addFinalizer(() =>
    beganNanos === undefined
      ? Effect.void
      : Effect.annotateLogs(Effect.logInfo("stopped"), {
          duration_s: Number(clock.monotonicTimeNanosUnsafe() - beganNanos) / 1e9
        })
  )
  const begins = (exit: Exit.Exit<unknown, unknown>) => {
    beganNanos = clock.monotonicTimeNanosUnsafe()
    const isFault = Exit.isFailure(exit) && receivedSignal() === undefined
    const reason = receivedSignal() ?? (isFault ? "a failure" : "closed")
    return Effect.annotateLogs(Effect.logInfo("stopping"), { reason })
  }
  return { begins }
})

/** The supervisor starts it anew, and the start repairs or says what it cannot. */
const logFatal = (error: Effect.Error<Running["Service"]["fatal"]>) => {
  exitInTime()
  const { reason } = error
  const place = reason._tag === "QueueBroken" ? { file: reason.file, errno: reason.errno } : {}
  return Effect.annotateLogs(Effect.logFatal("this process cannot go on and ends, to be started anew", error), place)
}

/** The last resort: an orderly end takes at most 1.5 s of grace, 3 s for requests and 5 s for the pipeline. */
const EXIT_WITHIN_MILLIS = 9_800
const FAILURE = 1
const INTERRUPTED = 130

let first: NodeJS.Signals | undefined

/** The signal that this process is ending by, if there was one. */
const receivedSignal = (): NodeJS.Signals | undefined => first

/** Whatever hangs then, a disk that does not answer for one: the process is gone after this. */
const exitInTime = (): void => {
  setTimeout(() => process.exit(FAILURE), EXIT_WITHIN_MILLIS).unref()
}

/** From now on SIGTERM and SIGINT end the process within its time; a second one at once, with 130. */
export const boundShutdown = (): void => {
  const onSignal = (signal: NodeJS.Signals) => {
    if (first !== undefined) process.exit(INTERRUPTED)
    first = signal
    exitInTime()
  }
  process.on("SIGTERM", onSignal).on("SIGINT", onSignal)
}

/** Logs what nobody caught on one line and ends the process: nobody knows what state it left behind. */
export const exitOnUncaught = (): void => {
  const onUncaught = (error: unknown) => {
    process.stderr.write(`${fatalLine("something broke that nobody caught; the process ends", error)}\n`)
    process.exit(FAILURE)
  }
  process.on("uncaughtException", onUncaught).on("unhandledRejection", onUncaught)
}
