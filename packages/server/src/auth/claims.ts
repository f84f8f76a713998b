import type { Grant, AccountRole } from "@millrace/core"
import { Option, Schema } from "effect"
import { isProject } from "../keys/configuredKeys.ts"

/** Issuer of every access token that a millrace signs; other tokens of the same key are none. */
export const ISSUER = "urn:millrace"
export const AUDIENCE = "urn:millrace:api"
/** RFC 9068: an access token, so that nothing else that a key signs is taken for one. */
export const TOKEN_TYPE = "at+jwt"

/** Clocks of several machines differ. */
const SKEW_SECONDS = 30
export const MAX_ACCESS_SECONDS = 3_600

const seconds = Schema.Int
const OwnClaims = Schema.Struct({
  iss: Schema.Literal(ISSUER),
  aud: Schema.Literal(AUDIENCE),
  sub: Schema.String,
  /** The session's family. */
  sid: Schema.String,
  iat: seconds,
  nbf: seconds,
  exp: seconds
})
export type OwnClaims = typeof OwnClaims.Type
const decodeOwn = Schema.decodeUnknownOption(OwnClaims)

const isInTime = (claims: { readonly exp: number; readonly nbf?: number; readonly iat?: number }, now: number) =>
  claims.exp > now - SKEW_SECONDS && (claims.nbf ?? 0) <= now + SKEW_SECONDS && (claims.iat ?? 0) <= now + SKEW_SECONDS

/** The claims of an access token of ours that is good at `now`, in seconds. */
export const ownClaims = (typ: string | undefined, claims: unknown, now: number): OwnClaims | undefined => {
  const own = typ === TOKEN_TYPE ? Option.getOrUndefined(decodeOwn(claims)) : undefined
  if (own === undefined || !isInTime(own, now)) return undefined
  return own.exp - own.iat <= MAX_ACCESS_SECONDS ? own : undefined
}

export interface Issuer {
  readonly issuer: string
  readonly audience: string
  /** A claim's name, or a JSON Pointer to one further inside, like `/resource_access/millrace/roles`. */
  readonly rolesClaim: string
}

interface IssuedClaims {
  readonly sub: string
  readonly grants: ReadonlyArray<Grant>
}

const numeric = Schema.optionalKey(Schema.Finite)
const ForeignClaims = Schema.Struct({
  iss: Schema.String,
  aud: Schema.Union([Schema.String, Schema.Array(Schema.String)]),
  sub: Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(256)),
  exp: Schema.Finite,
  nbf: numeric,
  iat: numeric
})
const decodeForeign = Schema.decodeUnknownOption(ForeignClaims)

/** Many issuers name none, or the general one. */
const FOREIGN_TYPES = new Set([undefined, "jwt", TOKEN_TYPE])

/** Who the issuer says it is, and what they may do; undefined unless the token is for us and good at `now`. */
export const issuedClaims = (
  { audience, issuer, rolesClaim }: Issuer,
  typ: string | undefined,
  claims: unknown,
  now: number
): IssuedClaims | undefined => {
  const foreign = FOREIGN_TYPES.has(typ) ? Option.getOrUndefined(decodeForeign(claims)) : undefined
  if (foreign === undefined || foreign.iss !== issuer || !isInTime(foreign, now)) return undefined
  const isForUs = typeof foreign.aud === "string" ? foreign.aud === audience : foreign.aud.includes(audience)
  return isForUs ? { sub: foreign.sub, grants: grantsOf(claimAt(claims, rolesClaim)) } : undefined
}

const claimAt = (claims: unknown, name: string): unknown => {
  const steps = name.startsWith("/")
    ? name
        .slice(1)
        .split("/")
        .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"))
    : [name]
  return steps.reduce<unknown>(
    (at, step) =>
      typeof at === "object" && at !== null && Object.hasOwn(at, step) ? Reflect.get(at, step) : undefined,
    claims
  )
}

const isRole = (role: unknown): role is AccountRole => role === "viewer" || role === "admin"

const MAX_GRANTS = 1_000

/**
 * `{"shop":"viewer"}` or `["shop:viewer"]`; whatever else the issuer has in there is not for us. Of two roles the
 * greater one.
 */
const grantsOf = (claim: unknown): ReadonlyArray<Grant> => {
  const pairs: ReadonlyArray<ReadonlyArray<unknown>> = Array.isArray(claim)
    ? claim.slice(0, MAX_GRANTS).map((entry: unknown) => (typeof entry === "string" ? entry.split(":") : []))
    : typeof claim === "object" && claim !== null
      ? Object.entries(claim).slice(0, MAX_GRANTS)
      : []
  const roles = new Map<string, AccountRole>()
  for (const [project, role, ...rest] of pairs) {
    if (typeof project !== "string" || !isProject(project) || !isRole(role) || rest.length > 0) continue
    if (roles.get(project) !== "admin") roles.set(project, role)
  }
  return [...roles].map(([project_id, role]) => ({ project_id, role }))
}
