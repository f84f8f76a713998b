import {
  accept,
  type EventQueueError,
  ledger,
  Pipeline,
  type PipelineError,
  type QueueServices,
  readPlain,
  type StoreServices,
  type WarehouseServices
} from "@millrace/core"
import { Clock, Duration, Effect, Schedule } from "effect"
import { CliFailure } from "../CliFailure.ts"
import type { IndexedRefusal, RawEvent, Sink } from "./Sink.ts"

/** The project of a folder that is used without keys. */
const PROJECT = "default"
/** Events per queue message: some 400 KiB, below the size at which a message is cut in two and encoded again. */
const MESSAGE_EVENTS = 2_000
const FULL_RETRIES = 59

type Services = QueueServices | StoreServices | WarehouseServices | Pipeline

/** Straight into a folder's queue, judged by the very rule that the server applies; the loader runs meanwhile. */
export const folderSink = (directory: string): Effect.Effect<Sink, CliFailure, Services> =>
  Effect.gen(function* () {
    const services = yield* Effect.context<Services>()
    const failure = (error: PipelineError) =>
      new CliFailure({ message: `writing to ${directory} failed: ${error.message.split("\n")[0]!}` })
    const before = yield* ledger(PROJECT).pipe(Effect.mapError(failure))
    const finish = Effect.gen(function* () {
      yield* (yield* Pipeline).flush
      const after = yield* ledger(PROJECT)
      return { stored: after.stored - before.stored, duplicates: after.duplicates - before.duplicates }
    })
    return {
      publish: (raws) => publishAll(raws).pipe(Effect.mapError(failure), Effect.provideContext(services)),
      publishPlain: (body) =>
        patiently(publishPlain(body)).pipe(Effect.mapError(failure), Effect.provideContext(services)),
      finish: finish.pipe(Effect.mapError(failure), Effect.provideContext(services))
    }
  })

/** Whether it was taken; otherwise nothing was published, and the events are to be given one by one. */
const publishPlain = Effect.fnUntraced(function* (bytes: Uint8Array) {
  const body = readPlain(bytes, (yield* Clock.currentTimeMillis) * 1000)
  if (body === undefined) return false
  yield* accept(body, PROJECT)
  return true
})

const publishAll = Effect.fnUntraced(function* (raws: ReadonlyArray<RawEvent>) {
  const parts = Math.ceil(raws.length / MESSAGE_EVENTS)
  const size = Math.ceil(raws.length / parts)
  const starts = Array.from({ length: parts }, (_, index) => index * size)
  const refused = yield* Effect.forEach(starts, (start) => publishPart(raws.slice(start, start + size), start), {
    concurrency: "unbounded"
  })
  return refused.flat()
})

const publishPart = Effect.fnUntraced(function* (events: ReadonlyArray<RawEvent>, start: number) {
  const { rejected } = yield* patiently(accept({ events, sent_at: undefined }, PROJECT))
  return rejected.map(({ code, index, message, path }): IndexedRefusal => ({
    index: index + start,
    code,
    path,
    message
  }))
})

/** A full queue says when to come back. */
const whenItHasRoom = Schedule.forever.pipe(
  Schedule.setInputType<EventQueueError>(),
  Schedule.modifyDelay(({ input: { reason } }) =>
    Effect.succeed(Duration.seconds(reason._tag === "QueueFull" ? reason.retryAfterSeconds : 1))
  )
)

/** A full queue empties as the loader works; accepting again is free, because the ids are the same. */
const patiently = <A, R>(effect: Effect.Effect<A, EventQueueError, R>): Effect.Effect<A, EventQueueError, R> =>
  Effect.retry(effect, {
    while: ({ reason }) => reason._tag === "QueueFull",
    times: FULL_RETRIES,
    schedule: whenItHasRoom
  })
