const SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP"] as const

/** Delivers what a client still holds, while the thread stands still. */
export type LastWords = () => void

const everyone = new Set<LastWords>()
const onSignals = new Set<LastWords>()

const sayAll = (who: ReadonlySet<LastWords>) => {
  for (const say of who) say()
}

/** Alone with the signal we deliver and let it act; where others listen, the end of the process is theirs to decide. */
const onSignal = (signal: NodeJS.Signals) => {
  if (process.listenerCount(signal) > 1) return
  sayAll(onSignals)
  process.removeListener(signal, onSignal)
  process.kill(process.pid, signal)
}

const onExit = () => sayAll(everyone)

/** `exit` comes at the natural end, after `process.exit()` and after an uncaught exception. Returns how to take it back. */
export const atExit = (say: LastWords, handleSignals: boolean): (() => void) => {
  if (everyone.size === 0) process.on("exit", onExit)
  everyone.add(say)
  if (handleSignals) {
    if (onSignals.size === 0) for (const signal of SIGNALS) process.on(signal, onSignal)
    onSignals.add(say)
  }
  return () => {
    everyone.delete(say)
    if (everyone.size === 0) process.removeListener("exit", onExit)
    if (!onSignals.delete(say) || onSignals.size > 0) return
    for (const signal of SIGNALS) process.removeListener(signal, onSignal)
  }
}
