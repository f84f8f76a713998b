import { problemCode } from "@millrace/core/wire"
import { Effect, Layer } from "effect"
import type { Ended } from "./Ended.ts"
import { FailureLog } from "./FailureLog.ts"

/** A line for what ended below the routes, as often as for those: to a server that is made before there is a log. */
export const endedLog = () => {
  const failures = new FailureLog()
  let write: (line: Effect.Effect<void>) => void = () => {}
  const note = ({ problem, reason, request_id }: Ended): void => {
    const code = problem === undefined ? "cut" : problemCode(problem.type)
    const line = failures.note({ route: "connection", status: problem?.status ?? 0, seconds: 0 })
    write(Effect.annotateLogs(line, { request_id, route: "connection", code, reason }))
  }
  const layer = Layer.effectDiscard(
    Effect.gen(function* () {
      const run = Effect.runForkWith(yield* Effect.context())
      write = (line) => void run(line)
      yield* Effect.addFinalizer(() => Effect.sync(() => (write = () => {})))
    })
  )
  return { note, layer }
}
