import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Clock, Effect, Option, Schedule, Schema } from "effect"
import { readLedger } from "../command/ledger.ts"
import { CliFailure } from "../CliFailure.ts"
import { httpSink } from "../import/httpSink.ts"
import type { RawEvent } from "../import/Sink.ts"
import type { Target } from "../target/Target.ts"
import { demoShop } from "./demoShop.ts"

const Marker = Schema.fromJsonString(Schema.Struct({ end_day: Schema.String, complete: Schema.Boolean }))
const decodeMarker = Schema.decodeUnknownOption(Marker)

const BATCH_EVENTS = 5_000
const LOADED_POLL_MILLIS = 100
const LOADED_WITHIN_MILLIS = 60_000

export interface DemoFill {
  readonly endDay: string
  readonly events: number
  readonly seconds: number
}

const markerOf = (path: string) => {
  try {
    return decodeMarker(readFileSync(path, "utf8"))
  } catch {
    return Option.none()
  }
}

/**
 * Fills an empty server with the demo shop; `undefined` when it holds anything else. A filling that was cut off is
 * repeated with the same end day and so the same ids.
 */
export const fillDemo = Effect.fn("fillDemo")(function* (target: Target, directory: string) {
  const path = join(directory, "demo.json")
  const marker = Option.getOrUndefined(markerOf(path))
  const empty = (yield* readLedger(target)).accepted === 0
  if (!empty && (marker === undefined || marker.complete)) return undefined
  const startedAt = yield* Clock.currentTimeMillis
  const now = new Date(startedAt).toISOString()
  const endDay = empty ? now.slice(0, 10) : (marker?.end_day ?? now.slice(0, 10))
  const mark = (complete: boolean) =>
    Effect.sync(() => writeFileSync(path, JSON.stringify({ end_day: endDay, complete, generated: true })))
  yield* mark(false)
  const events = yield* send(target, endDay, now)
  yield* untilLoaded(target)
  yield* mark(true)
  const seconds = ((yield* Clock.currentTimeMillis) - startedAt) / 1000
  return { endDay, events, seconds } satisfies DemoFill
})

const send = Effect.fnUntraced(function* (target: Target, endDay: string, now: string) {
  const sink = httpSink(target)
  let events = 0
  let batch: Array<RawEvent> = []
  const flush = Effect.suspend(() => {
    const raws = batch
    batch = []
    events += raws.length
    return raws.length === 0 ? Effect.succeed([]) : sink.publish(raws)
  })
  for (const event of demoShop(endDay)) {
    if (event.occurred_at > now) break
    batch.push(event)
    if (batch.length === BATCH_EVENTS) yield* flush
  }
  yield* flush
  return events
})

const untilLate = Schedule.upTo(Schedule.spaced(LOADED_POLL_MILLIS), { duration: LOADED_WITHIN_MILLIS })

const untilLoaded = Effect.fnUntraced(function* (target: Target) {
  const late = new CliFailure({
    message: `${target.name} has not loaded the demo shop within ${LOADED_WITHIN_MILLIS / 1000} s`
  })
  yield* readLedger(target).pipe(
    Effect.filterOrFail(
      ({ in_flight }) => in_flight === 0,
      () => late
    ),
    Effect.retry({ while: (error) => error === late, schedule: untilLate })
  )
})
