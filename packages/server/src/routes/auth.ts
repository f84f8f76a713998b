import { Effect } from "effect"
import { type HttpServerRequest, HttpServerResponse } from "effect/http"
import { MAX_PASSWORD_CHARACTERS } from "../auth/password.ts"
import { Sessions, type SessionTokens } from "../auth/Sessions.ts"
import { readJson } from "../http/body.ts"
import { NO_STORE, type Refusal, refusal, respondJson } from "../http/Refusal.ts"

type Request = HttpServerRequest.HttpServerRequest

const MAX_CHARACTERS = {
  email: 254,
  password: MAX_PASSWORD_CHARACTERS,
  refresh_token: 256
} as const
type Field = keyof typeof MAX_CHARACTERS

const refuseField = (field: string, code: string, message: string): Refusal =>
  refusal("invalid_parameter", `${field} ${message}.`, { errors: [{ path: `/${field}`, code, message }] })

/** What is wrong with a body of exactly these texts; never what they are. */
const brokenRule = (body: unknown, fields: ReadonlyArray<Field>): Refusal | undefined => {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    return refusal("invalid_parameter", "The body must be a JSON object.", {
      errors: [{ path: "", code: "invalid_parameter", message: "must be a JSON object" }]
    })
  }
  if (Object.keys(body).some((name) => !fields.some((field) => field === name))) {
    return refusal("invalid_parameter", `The body may hold ${fields.join(" and ")} alone.`, {
      errors: [{ path: "", code: "unknown_parameter", message: `may hold ${fields.join(" and ")} alone` }]
    })
  }
  for (const field of fields) {
    const value: unknown = Object.hasOwn(body, field) ? Reflect.get(body, field) : undefined
    if (value === undefined) return refuseField(field, "missing_parameter", "is missing")
    const maximum = MAX_CHARACTERS[field]
    if (typeof value !== "string" || value === "" || value.length > maximum || !value.isWellFormed()) {
      return refuseField(field, "invalid_parameter", `must be a text of 1 to ${maximum} characters`)
    }
  }
  return undefined
}

const readFields = Effect.fnUntraced(function* <const Name extends Field>(
  request: Request,
  fields: ReadonlyArray<Name>
) {
  const body = yield* readJson(request)
  const broken = brokenRule(body, fields)
  if (broken !== undefined) return yield* Effect.fail(broken)
  return body as Readonly<Record<Name, string>>
})

const present = ({ account, ...tokens }: SessionTokens) => ({
  ...tokens,
  token_type: "Bearer",
  email: account.email,
  projects: account.grants.map(({ project_id, role }) => ({ project: project_id, role }))
})

/** `POST /auth/login` */
export const login = Effect.fnUntraced(function* (request: Request) {
  const credentials = yield* readFields(request, ["email", "password"])
  return respondJson(present(yield* (yield* Sessions).login(request, credentials)))
})

/** `POST /auth/refresh` */
export const refresh = Effect.fnUntraced(function* (request: Request) {
  const { refresh_token } = yield* readFields(request, ["refresh_token"])
  return respondJson(present(yield* (yield* Sessions).refresh(request, refresh_token)))
})

/** `POST /auth/logout` */
export const logout = Effect.fnUntraced(function* (request: Request) {
  const { refresh_token } = yield* readFields(request, ["refresh_token"])
  yield* (yield* Sessions).logout(request, refresh_token)
  return HttpServerResponse.empty({ status: 204, headers: NO_STORE })
})
