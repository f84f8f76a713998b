import { fatalLine } from "../observe/jsonLog.ts"

/** The last resort: an orderly end takes at most 1.5 s of grace, 3 s for requests and 5 s for the pipeline. */
const EXIT_WITHIN_MILLIS = 9_800
const FAILURE = 1
const INTERRUPTED = 130

let first: NodeJS.Signals | undefined

/** The signal that this process is ending by, if there was one. */
export const receivedSignal = (): NodeJS.Signals | undefined => first

/** Whatever hangs then, a disk that does not answer for one: the process is gone after this. */
export const exitInTime = (): void => {
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

/** What nobody caught is told on one line, and ends the process: nobody knows what state it left behind. */
export const exitOnUncaught = (): void => {
  const onUncaught = (error: unknown) => {
    process.stderr.write(`${fatalLine("something broke that nobody caught; the process ends", error)}\n`)
    process.exit(FAILURE)
  }
  process.on("uncaughtException", onUncaught).on("unhandledRejection", onUncaught)
}
