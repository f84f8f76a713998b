import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Cause, Console, Effect, Exit, Layer } from "effect"
import { CliConfig, CliError, CliOutput, Command, GlobalFlag } from "effect/cli"
import { boundShutdown, exitOnUncaught, jsonLogger } from "@millrace/server"
import { millrace } from "./millrace.ts"
import { VERSION } from "./version.ts"

const EXIT_CODES = "EXIT CODES\n  0 ok, 1 failure, 2 wrong usage"
const FAILURE = 1
const WRONG_USAGE = 2
const INTERRUPTED = 130

/** Help on stdout with the exit codes; a wrong invocation as one sentence on stderr. */
const presenter = CliOutput.layerPresenter({
  present: (event) => {
    switch (event._tag) {
      case "InvalidInvocation": {
        const [first] = event.errors
        const sentence = (first?.message ?? "wrong usage").replaceAll(/\s*\n\s*/gu, " ")
        return Console.error(`millrace: ${sentence}; see ${event.commandPath.join(" ")} --help`)
      }
      case "Help":
        return Effect.andThen(CliOutput.defaultPresenter.present(event), Console.log(`\n${EXIT_CODES}`))
      case "Version":
        return Console.log(event.version)
    }
  }
})

const config = CliConfig.layer({
  builtIns: [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.Completions, GlobalFlag.LogLevel]
})

const isTagged = (error: unknown, tag: string) =>
  typeof error === "object" && error !== null && "_tag" in error && error._tag === tag

const exitCodeOf = (cause: Cause.Cause<unknown>): number => {
  if (Cause.hasInterruptsOnly(cause)) return INTERRUPTED
  const error = Cause.squash(cause)
  if (error instanceof CliError.ShowHelp) return error.errors.length > 0 ? WRONG_USAGE : 0
  return isTagged(error, "WrongUsage") || CliError.isCliError(error) ? WRONG_USAGE : FAILURE
}

const report = (cause: Cause.Cause<unknown>) =>
  Effect.sync(() => {
    const error = Cause.squash(cause)
    if (Cause.hasInterruptsOnly(cause) || error instanceof CliError.ShowHelp) return
    const message = error instanceof Error ? error.message : String(error)
    process.stderr.write(`millrace: ${message.split("\n")[0]!}\n`)
  })

/** Runs one command as this process. */
export const runCli = (args: ReadonlyArray<string>): void => {
  boundShutdown()
  if (args[0] === "serve") exitOnUncaught()
  // A reader that stops early, like `head`, is no failure.
  process.stdout.on("error", (error) => process.exit("code" in error && error.code === "EPIPE" ? 0 : FAILURE))
  // A server that is told to stop has done what it should.
  const interrupted = args[0] === "serve" ? 0 : INTERRUPTED
  const program = Command.runWith(millrace, { version: VERSION })(args).pipe(
    Effect.tapCause(report),
    Effect.provide(Layer.mergeAll(NodeServices.layer, presenter, jsonLogger, config))
  )
  NodeRuntime.runMain(program, {
    disableErrorReporting: true,
    teardown: (exit, onExit) => {
      const code = Exit.isFailure(exit) ? exitCodeOf(exit.cause) : 0
      onExit(code === INTERRUPTED ? interrupted : code)
    }
  })
}
