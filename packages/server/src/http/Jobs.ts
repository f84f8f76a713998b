import { randomUUID } from "node:crypto"
import { countFailure } from "@millrace/core"
import type { UnderWay } from "@millrace/core/wire"
import { Cause, Effect, Fiber, Option, Semaphore } from "effect"
import type { HttpServerResponse } from "effect/http"
import { refusal, type Refusal, respondJson, retryLater } from "./Refusal.ts"

type Answering<R = never> = Effect.Effect<HttpServerResponse.HttpServerResponse, Refusal, R>

/** Long work on all there is: one at a time, and whoever asked for it need not stay. */
export interface Jobs {
  /**
   * The work's answer, or 202 with a name to ask for it by. Once begun it is carried through, whether anybody waits or
   * not.
   */
  readonly carryThrough: <R>(project: string, work: Answering<R>) => Answering<R>
  /** The same, of work that was begun for the project. */
  readonly answerOf: (project: string, id: string) => Answering
}

interface JobsOptions {
  /** The one under way and those that wait. A client that gives up and asks again leaves its work behind. */
  readonly atMost?: number
  /** How long a request waits for its work: less than proxies and clients wait for the first byte. */
  readonly waitMillis: number
}

const AT_MOST = 64
/** Named work, ended or under way. */
const KEPT = 2 * AT_MOST
const RETRY_AFTER_SECONDS = 30
const busy = retryLater("overloaded", "Too many erasures and backups wait for their turn.", RETRY_AFTER_SECONDS)

const unknown = refusal(
  "unknown_job",
  "No work of this name is known: it was begun for another project, many others ended since, or the server was restarted. Ask for the work itself again."
)

const broken = refusal("internal", "The server failed on this work; its log says why.")

/** Nobody may be there any more to hear of it: whatever it ends with but an answer is said. */
const logged = <R>(work: Answering<R>): Answering<R> =>
  Effect.catchCause(work, (cause) => {
    const refused = Cause.findErrorOption(cause)
    if (Option.isSome(refused) && !Cause.hasDies(cause)) return Effect.fail(refused.value)
    return Effect.andThen(countFailure("backup-or-erasure", Effect.failCause(cause)), Effect.fail(broken))
  })

interface Job {
  readonly project: string
  readonly fiber: Fiber.Fiber<HttpServerResponse.HttpServerResponse, Refusal>
}

export const makeJobs = ({ atMost = AT_MOST, waitMillis }: JobsOptions): Jobs => {
  const turn = Semaphore.makeUnsafe(1)
  let inside = 0
  const jobs = new Map<string, Job>()

  const begin = <R>(work: Answering<R>) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.suspend((): Effect.Effect<Job["fiber"], Refusal, R> => {
        if (inside >= atMost) return Effect.fail(busy)
        inside++
        const leave = Effect.sync(() => {
          inside--
        })
        return Effect.forkDetach(Effect.ensuring(restore(turn.withPermit(logged(work))), leave))
      })
    )

  const keep = (job: Job): string => {
    const id = randomUUID()
    jobs.set(id, job)
    // The oldest has ended: they take turns in order, and fewer than this can be under way.
    if (jobs.size > KEPT) jobs.delete(jobs.keys().next().value!)
    return id
  }

  /** Waiting no longer does not end the work. */
  const answerSoon = ({ fiber }: Job, name: () => string) =>
    Effect.map(
      Effect.timeoutOption(Fiber.join(fiber), waitMillis),
      Option.getOrElse(() => underWay(name()))
    )

  return {
    carryThrough: (project, work) =>
      Effect.flatMap(begin(work), (fiber) => answerSoon({ project, fiber }, () => keep({ project, fiber }))),
    answerOf: (project, id) =>
      Effect.suspend(() => {
        const job = jobs.get(id)
        return job?.project === project ? answerSoon(job, () => id) : Effect.fail(unknown)
      })
  }
}

/** A second: the request for it waits as well. */
const underWay = (job: string) => respondJson({ job } satisfies UnderWay, { "retry-after": "1" }, 202)
