import { Clock, Context, Effect, Exit, Layer, References, type Scope } from "effect"
import { HttpServer } from "effect/http"
import { rolesOf } from "../adapters/checkRoles.ts"
import { storeOf } from "../adapters/registry.ts"
import type { ServerOptions } from "../config.ts"
import type { Access } from "../auth/Access.ts"
import { Running } from "../observe/Running.ts"
import { server } from "../Server.ts"
import { exitInTime, receivedSignal } from "./signals.ts"

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
