import { Context, Effect, Option, Tracer } from "effect"
import type { EventBatch } from "./EventBatch.ts"

/** As in W3C Trace Context, version 00. */
const TRACEPARENT = /^00-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-([\da-f]{2})$/u
const SAMPLED = 1

/** Of the span that the caller runs in; undefined outside of any. */
export const currentTraceparent: Effect.Effect<string | undefined> = Effect.map(Effect.context(), (context) => {
  const span = Option.getOrUndefined(Context.getOption(context, Tracer.ParentSpan))
  return span === undefined ? undefined : `00-${span.traceId}-${span.spanId}-${span.sampled ? "01" : "00"}`
})

/** The span that a `traceparent` names; undefined for text that is none. */
export const spanOf = (traceparent: string): Tracer.ExternalSpan | undefined => {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(traceparent) ?? []
  if (traceId === undefined || spanId === undefined) return undefined
  return Tracer.externalSpan({ traceId, spanId, sampled: (Number.parseInt(flags!, 16) & SAMPLED) === SAMPLED })
}

/** Links of one span; more of them nobody reads. */
const LINKS_MAX = 32

/**
 * Runs work on batches in a span of its own, which goes on with the trace that they came with: as its child where there is
 * one, linked to each where there are several.
 */
export const inTraceOf =
  (name: string, batches: ReadonlyArray<EventBatch>) =>
  <A, E, R>(work: Effect.Effect<A, E, R>): Effect.Effect<A, E, Exclude<R, Tracer.ParentSpan>> => {
    const traces = new Set(batches.flatMap((batch) => batch.traces))
    const spans = [...traces].slice(0, LINKS_MAX).flatMap((trace) => spanOf(trace) ?? [])
    const links = spans.map((span) => ({ span, attributes: {} }))
    const [only, ...others] = spans
    const parent = only !== undefined && others.length === 0 ? { parent: only } : {}
    return Effect.withSpan(work, name, { kind: "consumer", links, ...parent })
  }
