import { spanOf } from "@millrace/core"
import { Config, Context, Effect, Layer, Option, Tracer } from "effect"
import { FetchHttpClient, type HttpServerRequest } from "effect/http"
import { OtlpSerialization, OtlpTracer } from "effect/observability"
import { VERSION } from "./version.ts"

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

const endpoint = Config.option(Config.URL("OTEL_EXPORTER_OTLP_ENDPOINT"))

/**
 * Traces to an OpenTelemetry collector over HTTP, where one is configured; without one no span is kept. A request's
 * `traceparent` is continued. Spans carry no headers: keys are headers.
 */
export const otlpTraces: Layer.Layer<never, Config.ConfigError> = Layer.unwrap(
  Effect.map(
    endpoint,
    Option.match({
      onNone: () => Layer.empty,
      onSome: (url) =>
        OtlpTracer.layer({
          url: `${url.href.replace(/\/$/u, "")}/v1/traces`,
          resource: { serviceName: "millrace", serviceVersion: VERSION }
        }).pipe(Layer.provide(OtlpSerialization.layerJson), Layer.provide(FetchHttpClient.layer))
    })
  )
)
