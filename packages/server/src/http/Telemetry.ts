import { Context, Effect, Layer, Metric } from "effect"

const requests = Metric.counter("millrace_ingest_requests_total", {
  description: "Ingest requests by answer.",
  incremental: true
})
const events = Metric.counter("millrace_ingest_events_total", {
  description: "Events judged, by outcome.",
  incremental: true
})
const limited = Metric.counter("millrace_ratelimit_rejections_total", {
  description: "Requests over a quota, by whose; unavailable: the limiter did not answer.",
  incremental: true
})
const duration = Metric.histogram("http_server_request_duration_seconds", {
  description: "Time from a request's headers to its answer.",
  boundaries: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
})
const bodyBytes = Metric.histogram("millrace_ingest_body_bytes", {
  description: "Ingest bodies, inflated.",
  boundaries: [256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576, 5_242_880]
})

/** Counts what requests do. Every label's set of values is closed, so that a client cannot make new series. */
export class Telemetry extends Context.Service<
  Telemetry,
  {
    readonly request: (method: string, route: string, status: number, seconds: number) => void
    readonly ingested: (accepted: number, rejected: number, bytes: number) => void
    readonly limited: (scope: "key" | "address" | "login" | "session" | "unavailable") => void
  }
>()("@millrace/server/Telemetry") {
  static readonly layer: Layer.Layer<Telemetry> = Layer.effect(Telemetry, Effect.map(Effect.context(), make))
}

function make(context: Context.Context<never>): Telemetry["Service"] {
  const accepted = Metric.withAttributes(events, { outcome: "accepted" })
  const refused = Metric.withAttributes(events, { outcome: "rejected" })
  const durations = remember((method, route, code) => Metric.withAttributes(duration, { method, route, code }))
  const rejections = remember((scope) => Metric.withAttributes(limited, { scope }))
  // There from the start: an alert on a series that never came would never fire.
  for (const scope of ["key", "address", "login", "session", "unavailable"]) rejections(scope).updateUnsafe(0, context)
  for (const code of ["202", "503"]) Metric.withAttributes(requests, { code }).updateUnsafe(0, context)
  const answers = remember((code) => Metric.withAttributes(requests, { code }))
  return {
    request: (method, route, status, seconds) => {
      durations(method, route, String(status)).updateUnsafe(seconds, context)
      if (route === "/events" && method === "POST") answers(String(status)).updateUnsafe(1, context)
    },
    ingested: (acceptedEvents, rejectedEvents, bytes) => {
      if (acceptedEvents > 0) accepted.updateUnsafe(acceptedEvents, context)
      if (rejectedEvents > 0) refused.updateUnsafe(rejectedEvents, context)
      bodyBytes.updateUnsafe(bytes, context)
    },
    limited: (scope) => rejections(scope).updateUnsafe(1, context)
  }
}

/** Labelled series are made once: looking one up costs more than counting. */
const remember = <Args extends ReadonlyArray<string>, A>(create: (...labels: Args) => A) => {
  const made = new Map<string, A>()
  return (...labels: Args): A => {
    const key = labels.join(" ")
    const known = made.get(key)
    if (known !== undefined) return known
    const series = create(...labels)
    made.set(key, series)
    return series
  }
}
