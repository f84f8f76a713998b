import { problemCode } from "@millrace/core/wire"
import { Clock, Effect } from "effect"
import type { Refusal } from "./Refusal.ts"

/** Between two lines of one kind: a queue that is full refuses thousands of requests a second. */
const QUIET_MILLIS = 1_000

interface Failure {
  readonly route: string
  readonly status: number
  readonly seconds: number
  /** The answer, where a handler made it. */
  readonly refused?: Refusal | undefined
}

/** Logs what was answered with 5xx, at most once a second for each route and code; `count` is of all since the last line. */
export class FailureLog {
  readonly #quietUntil = new Map<string, number>()
  readonly #unsaid = new Map<string, number>()

  readonly note = ({ refused, route, seconds, status }: Failure): Effect.Effect<void> =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const code = refused === undefined ? undefined : problemCode(refused.problem.type)
      const kind = `${status} ${code ?? ""} ${route}`
      const count = (this.#unsaid.get(kind) ?? 0) + 1
      if (now < (this.#quietUntil.get(kind) ?? 0)) {
        this.#unsaid.set(kind, count)
        return Effect.void
      }
      this.#unsaid.delete(kind)
      this.#quietUntil.set(kind, now + QUIET_MILLIS)
      const { cause, problem } = refused ?? {}
      const words = ["answered with a failure", ...(cause === undefined ? [] : [cause])]
      return Effect.annotateLogs(Effect.logWarning(...words), {
        status,
        count,
        duration_s: seconds,
        ...(code === undefined ? {} : { code }),
        ...(problem === undefined ? {} : { detail: problem.detail })
      })
    })
}
