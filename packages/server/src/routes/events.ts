import {
  accept,
  acceptPlain,
  type Admit,
  type BadBody,
  type BatchVerdict,
  EventQueue,
  type EventQueueError,
  readBody
} from "@millrace/core"
import { Effect, Result } from "effect"
import { type Headers, type HttpServerRequest, HttpServerResponse } from "effect/http"
import { isUtf8 } from "node:buffer"
import { Access, presentedKey } from "../auth/Access.ts"
import { type Caller } from "../http/Caller.ts"
import type { Lease } from "../http/BodyBudget.ts"
import { Gate } from "../http/Gate.ts"
import { inflate } from "../http/inflate.ts"
import { refuseMediaType } from "../http/mediaType.ts"
import { parseJson } from "../http/parseJson.ts"
import { readBytes } from "../http/readBytes.ts"
import { because, NO_STORE, type Refusal, refusal, retryLater } from "../http/Refusal.ts"
import { Telemetry } from "../http/Telemetry.ts"
import { Limits } from "../limits/Limits.ts"
import type { QuotaHeaders } from "../limits/quota.ts"

/** `POST /events`: body → bytes → JSON → verdicts → queue → 202. The body's share of the budget is held to the end. */
export const ingest = Effect.fnUntraced(function* (request: HttpServerRequest.HttpServerRequest) {
  const lease = (yield* Gate).budget.open()
  return yield* Effect.ensuring(ingestWith(request, lease), Effect.sync(lease.release))
})

const ingestWith = Effect.fnUntraced(function* (request: HttpServerRequest.HttpServerRequest, lease: Lease) {
  const { headers } = request
  const unsupported = refuseMediaType(headers["content-type"], { plainText: true, absent: true })
  if (unsupported !== undefined) return yield* Effect.fail(unsupported)
  const wire = yield* readBytes(request, lease)
  const bytes = yield* inflate(wire, headers["content-encoding"])
  if (bytes !== wire && !lease.charge(bytes.length)) return yield* Effect.fail(spent)
  const quota = yield* openQuota(request)
  const caller = yield* callerOf(headers, bytes)
  const verdict = (yield* takePlain(bytes, caller, quota)) ?? (yield* judgeAll(bytes, caller, quota))
  const telemetry = yield* Telemetry
  telemetry.ingested(verdict.accepted, verdict.rejected.length, bytes.length)
  if (verdict.accepted === 0) return yield* Effect.fail(nothingAccepted(verdict))
  return HttpServerResponse.text(JSON.stringify(verdict), {
    status: 202,
    contentType: "application/json",
    headers: { ...NO_STORE, ...quota.headers, "millrace-durability": (yield* EventQueue).durability }
  })
})

interface Quota {
  /** What is left, once a batch was charged. */
  headers: QuotaHeaders
  readonly admit: (caller: Caller) => Admit<Refusal, never>
}

const openQuota = (request: HttpServerRequest.HttpServerRequest) =>
  Effect.map(Limits, ({ charge }): Quota => {
    const quota: Quota = {
      headers: {},
      admit: (caller) => (events) =>
        Effect.map(charge(request, caller, events), (headers) => {
          quota.headers = headers
        })
    }
    return quota
  })

const OPENING_BRACKET = 91

/** Checked once, before anything is parsed; undefined when only the body can hold a key. */
const callerOf = Effect.fnUntraced(function* (headers: Headers.Headers, bytes: Uint8Array) {
  const key = presentedKey(headers)
  if (key === undefined && bytes[0] !== OPENING_BRACKET) return undefined
  return yield* (yield* Access).caller(key, "write")
})

/** Most bodies are a bare array of plain events, and then nothing needs to be parsed; undefined for the others. */
const takePlain = Effect.fnUntraced(function* (bytes: Uint8Array, caller: Caller | undefined, quota: Quota) {
  if (caller === undefined || bytes[0] !== OPENING_BRACKET || !isUtf8(bytes)) return undefined
  return yield* Effect.mapError(acceptPlain(bytes, caller.project, quota.admit(caller)), refuseIngest)
})

const judgeAll = Effect.fnUntraced(function* (bytes: Uint8Array, known: Caller | undefined, quota: Quota) {
  const batch = readBody(yield* parseJson(bytes))
  if (Result.isFailure(batch)) return yield* Effect.fail(refuseBody(batch.failure))
  const caller = known ?? (yield* (yield* Access).callerOfBody(batch.success.key))
  return yield* Effect.mapError(accept(batch.success, caller.project, quota.admit(caller)), refuseIngest)
})

const spent = retryLater("overloaded", "Too many request bodies are under way.")

export const refuseBody = (bad: BadBody): Refusal =>
  refusal(bad.code === "too_many_events" ? "too_many_events" : "not_a_batch", `${bad.message}.`, {
    errors: [{ path: bad.path, code: bad.code, message: bad.rule }]
  })

const nothingAccepted = ({ rejected }: BatchVerdict): Refusal =>
  refusal("no_event_accepted", `None of the ${rejected.length} events was accepted.`, {
    errors: rejected.map(({ code, index, message, path }) => ({ path: `/${index}${path}`, code, message })),
    rejected
  })

const refuseIngest = (error: EventQueueError | Refusal): Refusal =>
  error._tag === "Refusal" ? error : refuseQueue(error)

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
