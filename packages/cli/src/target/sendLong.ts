import { UnderWay } from "@millrace/core/wire"
import { Console, Duration, Effect, Option, Schedule, Schema } from "effect"
import type { CliFailure } from "../CliFailure.ts"
import { type Answer, failureOf, type Target, type TargetRequest } from "./Target.ts"

const decodeUnderWay = Schema.decodeUnknownOption(Schema.fromJsonString(UnderWay))

/** A connection that breaks costs nothing: the work goes on, and its answer is kept. */
const ASKED_AGAIN = { times: 5, schedule: Schedule.spaced(Duration.seconds(2)) }

/** For requests whose work may take longer than a connection is held: what is under way is asked for until it has ended. */
export const sendLong = Effect.fnUntraced(function* (
  target: Target,
  request: TargetRequest
): Effect.fn.Return<Answer, CliFailure> {
  let answer = yield* target.send(request)
  if (answer.status === 202)
    yield* Console.error(`under way: ${target.name} goes on with it, whether this waits or not`)
  while (answer.status === 202) {
    const named = decodeUnderWay(answer.text)
    if (Option.isNone(named)) return yield* failureOf(target, answer)
    yield* Effect.sleep(Duration.seconds(answer.retryAfterSeconds ?? 1))
    const path = `/jobs/${encodeURIComponent(named.value.job)}`
    answer = yield* Effect.retry(target.send({ method: "GET", path }), ASKED_AGAIN)
  }
  return answer
})
