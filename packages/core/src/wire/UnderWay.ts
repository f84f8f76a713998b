import { Schema } from "effect"
import { HttpApiSchema } from "effect/http-api"

/** Of work that takes longer than a request should wait: it goes on, whether anybody asks for it or not. */
export const UnderWay = Schema.Struct({
  job: Schema.String.annotate({ description: "Ask GET /jobs/{job} for the answer." })
})
  .annotate({ identifier: "UnderWay" })
  .pipe(HttpApiSchema.status(202))
export type UnderWay = typeof UnderWay.Type

/** What every answer of 202 says besides. */
export const underWayAnswer = { headers: { "retry-after": "Seconds." } }
