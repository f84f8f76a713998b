import { Clock, Effect } from "effect"
import { Pipeline } from "./Pipeline.ts"
import { EventQueue } from "../port/EventQueue.ts"

const POLL_MILLIS = 20

/** Everything accepted before has left the queue and is in the warehouse, whoever works on it. */
const settle = Effect.gen(function* () {
  const queue = yield* EventQueue
  const start = (yield* Clock.currentTimeMillis) * 1000
  while (((yield* queue.waiting).oldestReceivedAt ?? Number.POSITIVE_INFINITY) <= start)
    yield* Effect.sleep(POLL_MILLIS)
  yield* (yield* Pipeline).flush
})

/** Whether what was accepted before is loaded, after this time at most: until then it is not known who else a user is. */
export const settleWithin = (millis: number) =>
  Effect.timeoutOption(settle, millis).pipe(
    Effect.map((done) => done._tag === "Some"),
    Effect.catch((error) => Effect.as(Effect.logWarning("what was accepted could not be loaded", error), false))
  )
