import { Config, Effect, Layer, Option } from "effect"
import { FetchHttpClient } from "effect/http"
import { OtlpSerialization, OtlpTracer } from "effect/observability"
import { VERSION } from "./version.ts"

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
