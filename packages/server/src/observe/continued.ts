import { spanOf } from "@millrace/core"
import { Context, Effect, Tracer } from "effect"
import type { HttpServerRequest } from "effect/http"

/**
 * Work in the trace that the request's `traceparent` names, also where no collector is configured and the request has no
 * span of its own: log lines, and the workers' after the queue, then still carry the caller's trace.
 */
export const continued = <A, E, R>(
  { headers }: HttpServerRequest.HttpServerRequest,
  work: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> => {
  const { traceparent } = headers
  const caller = traceparent === undefined ? undefined : spanOf(traceparent)
  if (caller === undefined) return work
  return Effect.updateContext(work, (own: Context.Context<R>) =>
    Context.merge(Context.make(Tracer.ParentSpan, caller), own)
  )
}
