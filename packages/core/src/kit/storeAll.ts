import { Effect } from "effect"
import type { EventBatch } from "../event/EventBatch.ts"
import { DeadLetters } from "../port/DeadLetters.ts"
import type { EventQueueError } from "../port/EventQueue.ts"
import { EventStore, type EventStoreError } from "../port/EventStore.ts"

export interface DrainReport {
  readonly stored: number
  readonly duplicates: number
  readonly deadLettered: number
}

type Failure = EventStoreError | EventQueueError

/** Stores what can be stored, sets the rest aside. */
export const storeAll = (
  batches: ReadonlyArray<EventBatch>,
  attempt: number
): Effect.Effect<DrainReport, Failure, DeadLetters | EventStore> =>
  Effect.gen(function* () {
    const store = yield* EventStore
    return yield* store.append(batches).pipe(
      Effect.map((done): DrainReport => ({ ...done, deadLettered: 0 })),
      Effect.catchIf(
        (error) => !error.retryable,
        (error) => storeHalves(batches, attempt, error)
      )
    )
  })

const storeHalves = Effect.fnUntraced(function* (
  batches: ReadonlyArray<EventBatch>,
  attempt: number,
  error: EventStoreError
) {
  const halves = halve(batches)
  if (halves === undefined) {
    const letters = yield* DeadLetters
    yield* letters.put(batches[0]!, {
      stage: "store",
      code: error.reason._tag,
      message: error.message,
      attempts: attempt
    })
    return { stored: 0, duplicates: 0, deadLettered: 1 }
  }
  const left = yield* storeAll(halves[0], attempt)
  const right = yield* storeAll(halves[1], attempt)
  return {
    stored: left.stored + right.stored,
    duplicates: left.duplicates + right.duplicates,
    deadLettered: left.deadLettered + right.deadLettered
  }
})

/** Two non-empty halves in order, by batches while there are several, then by events; `undefined` for one event. */
export const halve = (
  batches: ReadonlyArray<EventBatch>
): readonly [ReadonlyArray<EventBatch>, ReadonlyArray<EventBatch>] | undefined => {
  if (batches.length > 1) {
    const middle = batches.length >>> 1
    return [batches.slice(0, middle), batches.slice(middle)]
  }
  const only = batches[0]!
  if (only.count === 1) return undefined
  const middle = only.count >>> 1
  return [[only.slice(0, middle)], [only.slice(middle, only.count)]]
}
