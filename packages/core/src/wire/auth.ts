import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema } from "effect/http-api"
import { open } from "./access.ts"
import { describe } from "./describe.ts"
import { problemOf } from "./Problem.ts"

const MAX_EMAIL_CHARACTERS = 254
const MAX_PASSWORD_CHARACTERS = 256
const MAX_TOKEN_CHARACTERS = 256

const text = (maximum: number) => Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(maximum))

export const Credentials = Schema.Struct({
  email: text(MAX_EMAIL_CHARACTERS),
  password: text(MAX_PASSWORD_CHARACTERS)
}).annotate({ identifier: "Credentials" })

export const RefreshToken = Schema.Struct({ refresh_token: text(MAX_TOKEN_CHARACTERS) }).annotate({
  identifier: "RefreshToken"
})

export const SessionAnswer = Schema.Struct({
  access_token: Schema.String.annotate({ description: "For Authorization: Bearer." }),
  token_type: Schema.Literal("Bearer"),
  expires_in: Schema.Int.annotate({ description: "Seconds until the access token is no good any more." }),
  refresh_token: Schema.String.annotate({ description: "Good once, for /auth/refresh." }),
  session_expires_in: Schema.Int.annotate({ description: "Seconds until the session ends, whatever is refreshed." }),
  email: Schema.String,
  projects: Schema.Array(Schema.Struct({ project: Schema.String, role: Schema.Literals(["viewer", "admin"]) }))
}).annotate({ identifier: "Session" })

const errors = [
  problemOf(400),
  problemOf(408),
  problemOf(413),
  problemOf(415),
  problemOf(422),
  problemOf(500),
  problemOf(503)
] as const

/** Logging in is for the pages that may read; elsewhere a page could have its visitor log in as somebody else. */
const access = open({ scope: "none", pages: "readers", crossSite: "refused" })

const retryAfter = { headers: { "retry-after": "Seconds." } }
const overLimit = {
  headers: {
    "retry-after": "Seconds.",
    ratelimit: 'What is left of each limit: "session";r=<requests>;t=<seconds until one more may come>.',
    "ratelimit-policy": 'Each limit: "session";q=<requests at once>;w=<seconds in which as many come again>.'
  }
}

const login = HttpApiEndpoint.post("login", "/auth/login", {
  payload: Credentials,
  success: SessionAnswer,
  error: [...errors, problemOf(401), problemOf(429)]
})
  .annotateMerge(access)
  .annotateMerge(
    describe({
      summary: "Open a session",
      description:
        "An unknown account and a wrong password are answered alike. Failed attempts are limited by account and address.",
      example: { email: "ada@shop.example", password: "correct horse battery staple" },
      answers: { 429: overLimit, 503: retryAfter }
    })
  )

const refresh = HttpApiEndpoint.post("refresh", "/auth/refresh", {
  payload: RefreshToken,
  success: SessionAnswer,
  error: [...errors, problemOf(401), problemOf(429)]
})
  .annotateMerge(access)
  .annotateMerge(
    describe({
      summary: "Trade a refresh token for new tokens",
      description:
        "Each refresh token is good once. Whoever shows a spent one ends the session for everybody. Requests are limited by " +
        "client address and session.",
      answers: { 429: overLimit, 503: retryAfter }
    })
  )

const logout = HttpApiEndpoint.post("logout", "/auth/logout", {
  payload: RefreshToken,
  success: HttpApiSchema.NoContent,
  error: [...errors, problemOf(429)]
})
  .annotateMerge(access)
  .annotateMerge(
    describe({
      summary: "End the session",
      description:
        "Its access token is refused everywhere within 5 s. A token that is not good any more is answered alike. Requests are " +
        "limited as refreshes are.",
      answers: { 429: overLimit, 503: retryAfter }
    })
  )

/** People's sessions; everything else takes the access token as it takes an API key. */
export const authGroup = HttpApiGroup.make("auth").add(login, refresh, logout)
