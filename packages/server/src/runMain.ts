import { NodeRuntime } from "@effect/platform-node"
import { Cause, Effect, Exit } from "effect"
import { failureText } from "./failureText.ts"
import { jsonLogger } from "./observe/jsonLog.ts"

/** The last resort: an orderly end takes at most 1.5 s of grace, 3 s for requests and 5 s for the pipeline. */
const EXIT_WITHIN_MILLIS = 9_800

/**
 * Runs a server as the process: SIGTERM or SIGINT close it in order and the process exits 0; a second signal ends it at
 * once with 130. A failure to start is one line on standard error and exit code 1. Logs are JSON on standard error.
 */
export const runMain = <E>(program: Effect.Effect<unknown, E>): void => {
  let signals = 0
  const onSignal = () => {
    signals++
    if (signals > 1) process.exit(130)
    setTimeout(() => process.exit(1), EXIT_WITHIN_MILLIS).unref()
  }
  process.on("SIGTERM", onSignal).on("SIGINT", onSignal)
  NodeRuntime.runMain(program.pipe(Effect.tapCause(report), Effect.provide(jsonLogger)), {
    disableErrorReporting: true,
    teardown: (exit, onExit) => onExit(Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause) ? 1 : 0)
  })
}

const report = <E>(cause: Cause.Cause<E>) =>
  Effect.sync(() => {
    if (!Cause.hasInterruptsOnly(cause)) process.stderr.write(`millrace: ${failureText(Cause.squash(cause))}\n`)
  })
