import {
  BadParameter,
  type BadParameterCode,
  isMetricName,
  type MetricName,
  paramsOfJson,
  query,
  type RawParams,
  type WarehouseError
} from "@millrace/core"
import { Effect } from "effect"
import { HttpServerRequest } from "effect/http"
import { CurrentCaller } from "../http/Caller.ts"
import { readJson } from "../http/body.ts"
import { because, type Refusal, refusal, respondJson, retryLater, unknownMetric } from "../http/Refusal.ts"

/** `GET /stats/<metric>` */
export const stats = (metric: MetricName) => () =>
  Effect.flatMap(HttpServerRequest.ParsedSearchParams, (params) => answer(metric, params))

/** `POST /stats/query`: the same with a JSON body, for what does not fit a query string. */
export const statsQuery = Effect.fnUntraced(function* (request: HttpServerRequest.HttpServerRequest) {
  const { metric, params = {}, ...unknown } = asObject(yield* readJson(request)) ?? {}
  const stray = Object.keys(unknown)[0]
  if (stray !== undefined) return yield* refuseField(stray, "unknown_parameter", "is not known here")
  if (typeof metric !== "string") return yield* refuseField("metric", "missing_parameter", "must name a metric")
  if (!isMetricName(metric)) return yield* Effect.fail(unknownMetric(metric))
  const body = asObject(params)
  if (body === undefined) return yield* refuseField("params", "invalid_parameter", "must be an object")
  return yield* answer(metric, paramsOfJson(body))
})

const answer = Effect.fnUntraced(function* (metric: MetricName, params: RawParams) {
  const { id, project } = yield* CurrentCaller
  const found = yield* query({ metric, project_id: project, params, asked_by: id }).pipe(
    Effect.catchTags({ BadParameter: (bad) => Effect.fail(refuseParameter(bad)), WarehouseError: failWarehouse })
  )
  return respondJson(found)
})

const asObject = (value: unknown): Readonly<Record<string, unknown>> | undefined =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : undefined

const refuseField = (field: string, code: BadParameterCode, reason: string) =>
  Effect.fail(refuseParameter(new BadParameter({ field, code, reason })))

export const refuseParameter = (bad: BadParameter): Refusal =>
  refusal("invalid_parameter", `${bad.message}.`, {
    errors: [{ path: `/${bad.field}`, code: bad.code, message: bad.reason }]
  })

/** Heavy questions take that long, and they are what others wait for. */
const BUSY_SECONDS = 5

/** The cause is logged, never answered: it may hold SQL or paths. */
const failWarehouse = (error: WarehouseError) =>
  Effect.andThen(Effect.logWarning("a question failed", error), Effect.fail(refuseWarehouse(error)))

export const refuseWarehouse = (error: WarehouseError): Refusal => because(refusalFor(error), error)

const refusalFor = ({ reason }: WarehouseError): Refusal => {
  switch (reason._tag) {
    case "WarehouseUnavailable":
    case "WarehouseOwned":
    case "OutOfMemory":
      return retryLater("warehouse_unavailable", "The warehouse cannot be asked at the moment.")
    case "QuestionsOverloaded":
      return retryLater("overloaded", "Too many questions are under way.", BUSY_SECONDS)
    case "QuestionTooExpensive":
      return refusal(
        "question_too_expensive",
        `The question was stopped at the limit of ${reason.limit} for one; ask for a shorter range, or for less at a time.`
      )
    case "Unsupported":
      return refusal("unsupported_question", `The configured warehouse does not support ${reason.feature}.`)
    case "QueryFailed":
    case "RowsRejected":
      return refusal("internal", "The question failed; the server's log says why.")
  }
}
