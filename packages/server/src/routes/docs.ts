import { Contract } from "@millrace/core/wire"
import { Effect } from "effect"
import { HttpServerResponse } from "effect/http"
import { HttpApiSwagger, OpenApi } from "effect/http-api"
import { DOCS_PATH } from "../http/docsPage.ts"

/** `GET /openapi.json` */
export const openapi = () =>
  Effect.sync(() =>
    HttpServerResponse.text(JSON.stringify(OpenApi.fromApi(Contract)), {
      contentType: "application/json",
      headers: { "cache-control": "no-cache", "x-content-type-options": "nosniff" }
    })
  )

/** `""` or a path without a slash at its end. */
export type BasePath = "" | `/${string}`

/** `GET /docs`: Swagger UI, bundled with effect. Requests made on the page go below the same base path. */
export const docsRoute = (basePath: BasePath) =>
  HttpApiSwagger.layer(basePath === "" ? Contract : Contract.annotate(OpenApi.Servers, [{ url: basePath }]), {
    path: `${basePath}${DOCS_PATH}`
  })
