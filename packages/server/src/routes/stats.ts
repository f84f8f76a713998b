import { type BadParameter, type MetricName, query, type WarehouseError } from "@millrace/core"
import { Effect } from "effect"
import { HttpServerRequest } from "effect/http"
import { Access, presentedKey } from "../http/Access.ts"
import { type Refusal, refusal, respondJson, retryLater } from "../http/Refusal.ts"

/** `GET /stats/<metric>` */
export const stats = (metric: MetricName) =>
  Effect.fnUntraced(function* (request: HttpServerRequest.HttpServerRequest) {
    const project_id = yield* (yield* Access).project(presentedKey(request.headers), "read")
    const params = yield* HttpServerRequest.ParsedSearchParams
    const answer = yield* query({ metric, project_id, params }).pipe(
      Effect.catchTags({ BadParameter: (bad) => Effect.fail(refuseParameter(bad)), WarehouseError: failWarehouse })
    )
    return respondJson(answer)
  })

export const refuseParameter = (bad: BadParameter): Refusal =>
  refusal("invalid_parameter", `${bad.message}.`, {
    errors: [{ path: `/${bad.field}`, code: bad.code, message: bad.reason }]
  })

/** The cause is logged, never answered: it may hold SQL or paths. */
const failWarehouse = (error: WarehouseError) =>
  Effect.andThen(Effect.logWarning("a question failed", error), Effect.fail(refuseWarehouse(error)))

export const refuseWarehouse = ({ reason }: WarehouseError): Refusal => {
  switch (reason._tag) {
    case "WarehouseUnavailable":
    case "WarehouseOwned":
      return retryLater("warehouse_unavailable", "The warehouse cannot be asked at the moment.")
    case "Unsupported":
      return refusal("unsupported_question", `The configured warehouse does not support ${reason.feature}.`)
    case "QueryFailed":
    case "RowsRejected":
      return refusal("internal", "The question failed; the server's log says why.")
  }
}
