import {
  accept,
  type BadBody,
  type BadJson,
  type BatchVerdict,
  EventQueue,
  type EventQueueError,
  mayHoldKey,
  readBody
} from "@millrace/core"
import { Clock, Effect } from "effect"
import { type Headers, type HttpServerRequest, HttpServerResponse } from "effect/http"
import { Access, presentedKey } from "../auth/Access.ts"
import type { Lease } from "../http/BodyBudget.ts"
import { Admission } from "../http/Admission.ts"
import { bodiesSpent, inflate, readBytes, refuseJson, refuseMediaType } from "../http/body.ts"
import { because, NO_STORE, type Refusal, refusal, retryLater } from "../http/Refusal.ts"
import { Telemetry } from "../http/Telemetry.ts"
import { Limits } from "../limits/Limits.ts"
import type { QuotaHeaders } from "../limits/quota.ts"

type Request = HttpServerRequest.HttpServerRequest

/** `POST /events`. The body's share of the budget is held to the end. */
export const ingest = Effect.fnUntraced(function* (request: Request) {
  const lease = (yield* Admission).budget.open()
  return yield* Effect.ensuring(ingestWith(request, lease), Effect.sync(lease.release))
})

const ingestWith = Effect.fnUntraced(function* (request: Request, lease: Lease) {
  const bytes = yield* bytesOf(request, lease)
  const known = yield* callerOf(request.headers, bytes)
  const body = yield* bodyOf(bytes)
  const caller = known ?? (yield* (yield* Access).callerOfBody(body.key))
  const quota = yield* (yield* Limits).charge(request, caller, body.count)
  const verdict = yield* Effect.mapError(accept(body, caller.project), refuseQueue)
  return yield* answer(verdict, bytes.length, quota)
})

const bytesOf = Effect.fnUntraced(function* (request: Request, lease: Lease) {
  const { headers } = request
  const unsupported = refuseMediaType(headers["content-type"], { plainText: true, absent: true })
  if (unsupported !== undefined) return yield* Effect.fail(unsupported)
  const wire = yield* readBytes(request, lease)
  const bytes = yield* inflate(wire, headers["content-encoding"])
  return bytes === wire || lease.charge(bytes.length) ? bytes : yield* Effect.fail(bodiesSpent)
})

/** Asked before anything is parsed; undefined when only the body can hold a key. */
const callerOf = Effect.fnUntraced(function* (headers: Headers.Headers, bytes: Uint8Array) {
  const key = presentedKey(headers)
  if (key === undefined && mayHoldKey(bytes)) return undefined
  return yield* (yield* Access).caller(key, "write")
})

const bodyOf = Effect.fnUntraced(function* (bytes: Uint8Array) {
  const received_at = (yield* Clock.currentTimeMillis) * 1000
  return yield* Effect.mapError(Effect.fromResult(readBody(bytes, received_at)), refuseBody)
})

const answer = Effect.fnUntraced(function* (verdict: BatchVerdict, bytes: number, quota: QuotaHeaders) {
  const telemetry = yield* Telemetry
  telemetry.ingested(verdict.accepted, verdict.rejected.length, bytes)
  if (verdict.accepted === 0) return yield* Effect.fail(nothingAccepted(verdict))
  return HttpServerResponse.text(JSON.stringify(verdict), {
    status: 202,
    contentType: "application/json",
    headers: { ...NO_STORE, ...quota, "millrace-durability": (yield* EventQueue).durability }
  })
})

const refuseBody = (bad: BadBody | BadJson): Refusal =>
  bad._tag === "BadJson"
    ? refuseJson(bad)
    : refusal(bad.code === "too_many_events" ? "too_many_events" : "not_a_batch", `${bad.message}.`, {
        errors: [{ path: bad.path, code: bad.code, message: bad.rule }]
      })

const nothingAccepted = ({ rejected }: BatchVerdict): Refusal =>
  refusal("no_event_accepted", `None of the ${rejected.length} events was accepted.`, {
    errors: rejected.map(({ code, index, message, path }) => ({ path: `/${index}${path}`, code, message })),
    rejected
  })

/** Nothing of an error's cause reaches the client: causes name files and hosts. */
export const refuseQueue = (error: EventQueueError): Refusal => because(refusalFor(error), error)

const refusalFor = ({ reason }: EventQueueError): Refusal => {
  switch (reason._tag) {
    case "QueueFull":
      return retryLater("queue_full", "The queue is full; send the same events again later.", reason.retryAfterSeconds)
    case "QueueUnavailable":
    case "QueueBroken":
    case "QueueDamaged":
      return retryLater("queue_unavailable", "The queue cannot be written; send the same events again.")
    case "PublishAmbiguous":
      return retryLater("publish_unconfirmed", "Send the same events again: ids that are already there count once.")
    case "MessageTooLarge":
      return refusal("message_too_large", `An event of ${reason.bytes} bytes is over the queue's ${reason.limitBytes}.`)
  }
}
