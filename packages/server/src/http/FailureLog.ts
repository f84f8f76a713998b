import { Clock, Effect } from "effect"

/** Between two lines of one kind: a queue that is full refuses thousands of requests a second. */
const QUIET_MILLIS = 1_000

interface Failure {
  readonly route: string
  readonly status: number
  readonly seconds: number
}

/** Logs what was answered with 5xx, at most once a second for each route and status; `count` is of all since the last line. */
export class FailureLog {
  readonly #quietUntil = new Map<string, number>()
  readonly #unsaid = new Map<string, number>()

  readonly note = ({ route, seconds, status }: Failure): Effect.Effect<void> =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const kind = `${status} ${route}`
      const count = (this.#unsaid.get(kind) ?? 0) + 1
      if (now < (this.#quietUntil.get(kind) ?? 0)) {
        this.#unsaid.set(kind, count)
        return Effect.void
      }
      this.#unsaid.delete(kind)
      this.#quietUntil.set(kind, now + QUIET_MILLIS)
      return Effect.annotateLogs(Effect.logWarning("answered with a failure"), { status, count, duration_s: seconds })
    })
}
