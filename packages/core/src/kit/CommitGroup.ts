import { Cause, Deferred, Effect, Latch, Option, type Scope } from "effect"
import { superviseLoop, waitForWork } from "./superviseLoop.ts"
import type { EventBatch } from "../event/EventBatch.ts"

export interface CommitGroupOptions {
  /** Of one commit; a single batch may pass it. */
  readonly maxEvents: number
  /** Of batches that wait for a commit; what comes beyond is refused. */
  readonly maxWaitingBytes: number
  /** Commits under way at one time. */
  readonly concurrency: number
}

interface Entry<E> {
  readonly batch: EventBatch
  readonly done: Deferred.Deferred<void, E>
}

export interface Commits<E> {
  /** All or nothing. */
  readonly together: (batches: ReadonlyArray<EventBatch>) => Effect.Effect<unknown, E>
  /** For one batch that was refused for good; succeeds once each of its events is stored or set aside. */
  readonly alone: (batch: EventBatch) => Effect.Effect<unknown, E>
  /** Will the same data be refused again? */
  readonly isPermanent: (error: E) => boolean
  /** What a batch is refused with when too much waits. */
  readonly full: () => E
  /** And when the scope closes: it may or may not have been committed. */
  readonly closed: () => E
}

/**
 * Commits what concurrent callers bring in one go: a commit costs far more than an event. There is no linger: a lone
 * batch is committed at once, and what comes while commits are under way forms the next one. A batch that is refused for
 * good is found by halving, so that it costs its neighbours nothing but time.
 */
export const makeCommitGroup = Effect.fnUntraced(function* <E>(
  commits: Commits<E>,
  options: CommitGroupOptions
): Effect.fn.Return<(batch: EventBatch) => Effect.Effect<void, E>, never, Scope.Scope> {
  const waiting = new Waiting<E>(options)
  yield* Effect.addFinalizer(() => settle(waiting.takeAll(), Effect.fail(commits.closed())))
  const commitNext = Effect.andThen(
    waitForWork(waiting.nonEmpty),
    Effect.suspend(() => commitAndSettle(commits, waiting.take()))
  )
  for (let committer = 0; committer < options.concurrency; committer++) {
    yield* superviseLoop({ name: "commit" }, Effect.as(commitNext, 0))
  }
  return (batch) =>
    Effect.suspend(() => {
      const done = Deferred.makeUnsafe<void, E>()
      return waiting.add({ batch, done }) ? Deferred.await(done) : Effect.fail(commits.full())
    })
})

/** Batches in the order they came. */
class Waiting<E> {
  readonly #options: CommitGroupOptions
  readonly #latch = Latch.makeUnsafe(false)
  #entries: Array<Entry<E>> = []
  #bytes = 0

  constructor(options: CommitGroupOptions) {
    this.#options = options
  }

  get nonEmpty(): Effect.Effect<void> {
    return this.#latch.await
  }

  add(entry: Entry<E>): boolean {
    const { length } = entry.batch.bytes
    if (this.#bytes + length > this.#options.maxWaitingBytes) return false
    this.#entries.push(entry)
    this.#bytes += length
    this.#latch.openUnsafe()
    return true
  }

  /** The next group; empty when another committer was first. */
  take(): ReadonlyArray<Entry<E>> {
    let events = 0
    const end = this.#entries.findIndex(({ batch }, index) => {
      events += batch.count
      return index > 0 && events > this.#options.maxEvents
    })
    const group = this.#entries.splice(0, end === -1 ? this.#entries.length : end)
    for (const { batch } of group) this.#bytes -= batch.bytes.length
    if (this.#entries.length === 0) this.#latch.closeUnsafe()
    return group
  }

  takeAll(): ReadonlyArray<Entry<E>> {
    return this.#entries.splice(0)
  }
}

/** Each of them hears how it ended, whatever breaks. */
const commitAndSettle = <E>(commits: Commits<E>, entries: ReadonlyArray<Entry<E>>): Effect.Effect<void> =>
  Effect.onError(commitAll(commits, entries), (cause) => settle(entries, Effect.failCause(cause)))

const commitAll = <E>(commits: Commits<E>, entries: ReadonlyArray<Entry<E>>): Effect.Effect<void> => {
  if (entries.length === 0) return Effect.void
  return Effect.suspend(() => commits.together(entries.map(({ batch }) => batch))).pipe(
    Effect.matchCauseEffect({
      onSuccess: () => settle(entries, Effect.void),
      onFailure: (cause) => {
        const failure = Cause.findErrorOption(cause)
        return Option.isSome(failure) && commits.isPermanent(failure.value)
          ? commitApart(commits, entries)
          : Effect.andThen(settle(entries, Effect.failCause(cause)), defectsOf(cause))
      }
    }),
    Effect.onInterrupt(() => settle(entries, Effect.fail(commits.closed())))
  )
}

/** Those who wait were told; the loop reports it. */
const defectsOf = (cause: Cause.Cause<unknown>): Effect.Effect<void> =>
  Cause.hasDies(cause) ? Effect.die(Cause.squash(cause)) : Effect.void

const commitApart = <E>(commits: Commits<E>, entries: ReadonlyArray<Entry<E>>): Effect.Effect<void> => {
  const [first] = entries
  if (entries.length === 1) {
    return Effect.flatMap(Effect.exit(commits.alone(first!.batch)), (exit) => settle(entries, Effect.asVoid(exit)))
  }
  const middle = entries.length >>> 1
  return Effect.andThen(commitAll(commits, entries.slice(0, middle)), commitAll(commits, entries.slice(middle)))
}

const settle = <E>(entries: ReadonlyArray<Entry<E>>, outcome: Effect.Effect<void, E>) =>
  Effect.sync(() => {
    for (const { done } of entries) Deferred.doneUnsafe(done, outcome)
  })
