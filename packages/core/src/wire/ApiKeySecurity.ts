import { HttpApiMiddleware, HttpApiSecurity } from "effect/http-api"
import { problemOf } from "./Problem.ts"

/** Declares how keys and access tokens are presented; the server checks them itself, since a beacon's key lies in the body. */
export class ApiKeySecurity extends HttpApiMiddleware.Service<ApiKeySecurity>()("@millrace/core/wire/ApiKeySecurity", {
  security: {
    bearer: HttpApiSecurity.bearer,
    header: HttpApiSecurity.apiKey({ key: "x-api-key", in: "header" })
  },
  error: [problemOf(401), problemOf(403)]
}) {}
