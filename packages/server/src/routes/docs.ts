import { Contract } from "@millrace/core/wire"
import { Effect } from "effect"
import { HttpServerResponse } from "effect/http"
import { HttpApiSwagger, OpenApi } from "effect/http-api"

/** `GET /openapi.json` */
export const openapi = () =>
  Effect.sync(() =>
    HttpServerResponse.text(JSON.stringify(OpenApi.fromApi(Contract)), {
      contentType: "application/json",
      headers: { "cache-control": "no-cache", "x-content-type-options": "nosniff" }
    })
  )

export const DOCS_PATH = "/docs"

/** The page carries its scripts and styles in itself; the policy sees to it that nothing comes from anywhere else. */
export const DOCS_HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'unsafe-inline'",
    "style-src 'unsafe-inline'",
    "img-src data:",
    "font-src data:",
    "connect-src 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'none'"
  ].join("; "),
  "cache-control": "no-cache",
  "x-content-type-options": "nosniff"
}

/** `""` or a path without a slash at its end. */
export type BasePath = "" | `/${string}`

/** `GET /docs`: Swagger UI, bundled with effect. Requests made on the page go below the same base path. */
export const docsRoute = (basePath: BasePath) =>
  HttpApiSwagger.layer(basePath === "" ? Contract : Contract.annotate(OpenApi.Servers, [{ url: basePath }]), {
    path: `${basePath}${DOCS_PATH}`
  })
