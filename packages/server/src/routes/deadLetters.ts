import { type DeadLetter, DeadLetters, type EventQueueError, formatInstant, parseJson } from "@millrace/core"
import { DeadLetterIds } from "@millrace/core/wire"
import { Effect, Result, Schema } from "effect"
import { HttpServerRequest } from "effect/http"
import { CurrentCaller } from "../http/Caller.ts"
import { readJson } from "../http/body.ts"
import { refusal, respondJson } from "../http/Refusal.ts"
import { refuseQueue } from "./events.ts"

const PAGE_DEFAULT = 100
const PAGE_MAX = 1_000

type Request = HttpServerRequest.HttpServerRequest

export const listDeadLetters = Effect.fnUntraced(function* () {
  const { project: project_id } = yield* CurrentCaller
  const { after, limit = String(PAGE_DEFAULT), ...unknown } = yield* HttpServerRequest.ParsedSearchParams
  const stray = Object.keys(unknown)[0]
  if (stray !== undefined) return yield* refuseField(stray, "unknown_parameter", "is not a parameter here")
  if (typeof limit !== "string" || !/^\d{1,4}$/u.test(limit) || Number(limit) < 1 || Number(limit) > PAGE_MAX) {
    return yield* refuseField("limit", "invalid_parameter", `must be a whole number from 1 to ${PAGE_MAX}`)
  }
  if (after !== undefined && typeof after !== "string") {
    return yield* refuseField("after", "repeated_parameter", "may be given only once")
  }
  const letters = yield* page(project_id, Number(limit), after)
  const next = letters.length === Number(limit) ? (letters.at(-1)?.id ?? null) : null
  return respondJson({ dead_letters: letters.map(present), next })
})

const page = Effect.fnUntraced(function* (project_id: string, limit: number, after: string | undefined) {
  const letters = yield* DeadLetters
  const options = after === undefined ? { limit, project_id } : { limit, project_id, after }
  return yield* Effect.mapError(letters.list(options), refuseQueue)
})

const refuseField = (field: string, code: string, message: string) =>
  Effect.fail(refusal("invalid_parameter", `${field} ${message}.`, { errors: [{ path: `/${field}`, code, message }] }))

const present = ({ event, failed_at, id, reason }: DeadLetter) => ({
  id,
  event: {
    project_id: event.project_id,
    event_id: event.event_id,
    occurred_at: formatInstant(event.occurred_at),
    user_id: event.user_id,
    event_type: event.event_type,
    properties: parseJson(event.properties),
    received_at: formatInstant(event.received_at)
  },
  reason,
  failed_at: formatInstant(failed_at)
})

type Operation = (ids: ReadonlyArray<string>) => Effect.Effect<number, EventQueueError, DeadLetters>

/**
 * Applies to the project's own dead letters only, whatever ids the request names. All are chosen before the first is
 * touched: a replayed event that fails again comes back as a new dead letter, and must not be met again here.
 */
const applyTo = (operation: Operation) =>
  Effect.fnUntraced(function* (request: Request) {
    const { project: project_id } = yield* CurrentCaller
    const { ids } = yield* readIds(request)
    const chosen = yield* ownIds(project_id, ids === "all" ? undefined : new Set(ids))
    let count = 0
    for (let start = 0; start < chosen.length; start += PAGE_MAX) {
      count += yield* Effect.mapError(operation(chosen.slice(start, start + PAGE_MAX)), refuseQueue)
    }
    return respondJson({ count })
  })

const ownIds = Effect.fnUntraced(function* (project_id: string, wanted: ReadonlySet<string> | undefined) {
  const chosen: Array<string> = []
  let after: string | undefined
  while (true) {
    const letters: ReadonlyArray<DeadLetter> = yield* page(project_id, PAGE_MAX, after)
    for (const { id } of letters) if (wanted?.has(id) ?? true) chosen.push(id)
    if (letters.length < PAGE_MAX) return chosen
    after = letters.at(-1)?.id
  }
})

export const replayDeadLetters = applyTo((ids) => Effect.flatMap(DeadLetters, (letters) => letters.replay(ids)))
export const purgeDeadLetters = applyTo((ids) => Effect.flatMap(DeadLetters, (letters) => letters.purge(ids)))

const decodeIds = Schema.decodeUnknownResult(DeadLetterIds, { onExcessProperty: "error" })

const readIds = Effect.fnUntraced(function* (request: Request) {
  const decoded = decodeIds(yield* readJson(request))
  if (Result.isSuccess(decoded)) return decoded.success
  return yield* refuseField("ids", "invalid_parameter", 'must be "all" or 1 to 1000 ids of dead letters')
})
