import { EventQueueError } from "@millrace/core"
import { NodeRuntime } from "@effect/platform-node"
import { Cause, Effect, Exit } from "effect"
import { failureText } from "../adapters/failures.ts"
import { jsonLogger } from "../observe/jsonLog.ts"
import { boundShutdown, exitOnUncaught } from "./launch.ts"

/**
 * Runs a server as the process: SIGTERM or SIGINT close it in order and the process exits 0; a second signal ends it at
 * once with 130. A failure to start is one line on standard error and exit code 1, and so is what a running server cannot
 * go on with. Logs are JSON on standard error.
 */
export const runMain = <E>(program: Effect.Effect<unknown, E>): void => {
  boundShutdown()
  exitOnUncaught()
  NodeRuntime.runMain(program.pipe(Effect.tapCause(report), Effect.provide(jsonLogger)), {
    disableErrorReporting: true,
    teardown: (exit, onExit) => onExit(Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause) ? 1 : 0)
  })
}

const report = <E>(cause: Cause.Cause<E>) =>
  Effect.sync(() => {
    const error = Cause.squash(cause)
    if (Cause.hasInterruptsOnly(cause) || wasTold(error)) return
    process.stderr.write(`millrace: ${failureText(error)}\n`)
  })

/** In the log, when it happened. */
const wasTold = (error: unknown) => error instanceof EventQueueError && error.operation === "publish"
