import type { KeyScope } from "@millrace/core"
import { Effect } from "effect"
import type { HttpServerRequest } from "effect/http"
import type { IncomingMessage } from "node:http"
import { DEFAULT_PROJECT, type Caller } from "../http/Caller.ts"
import { CHALLENGE, refusal, type Refusal } from "../http/Refusal.ts"
import { isProject } from "../keys/configuredKeys.ts"

/** Grant of a request: it may do the same as an API key of that scope. */
export interface Grant {
  readonly scope: KeyScope
  /** Default `default`. */
  readonly project?: string
  /** Who asks, for fair shares among those of one project. */
  readonly id?: string
}

/** Why a request may do nothing: `unauthenticated` is a 401, `not_authorized` (as `false`) a 403. */
export interface Denial {
  readonly refuse: "unauthenticated" | "not_authorized"
  readonly detail?: string
}

/**
 * Decides what a request to the mounted handler may do, `POST /events` too. A throw, or anything but a grant or a denial,
 * is a 500 that is logged, and never opens anything.
 *
 * **Gotchas**
 *
 * The body is millrace's to read. `incoming` is Node's own request, where it came through `millrace.node`.
 */
export type Authorize = (
  request: Request,
  incoming: IncomingMessage | undefined
) => Grant | Denial | false | Promise<Grant | Denial | false>

/** Node's request behind a web request that was made of it. */
export const incomingOf = new WeakMap<Request, IncomingMessage>()

const SCOPES: ReadonlySet<unknown> = new Set<KeyScope>(["write", "read", "admin"])
const GRANT_FIELDS: ReadonlySet<string> = new Set(["scope", "project", "id"])
const NOTHING: ReadonlySet<unknown> = new Set([false, null, undefined])

/** Asks the program; whatever it gets wrong is a defect, so that nobody is let in by it. */
export const askProgram = Effect.fnUntraced(function* (
  authorize: Authorize,
  request: HttpServerRequest.HttpServerRequest,
  scope: KeyScope
): Effect.fn.Return<Caller, Refusal> {
  // Of a mounted handler every request is a web request.
  const source = request.source as Request
  const decided: unknown = yield* Effect.tryPromise({
    try: async () => authorize(source, incomingOf.get(source)),
    catch: (cause) => new Error("authorize threw", { cause })
  }).pipe(Effect.orDie)
  if (NOTHING.has(decided)) return yield* Effect.fail(denied)
  if (isDenial(decided)) return yield* Effect.fail(refuse(decided))
  const fault = faultOf(decided)
  if (fault !== undefined) return yield* Effect.die(new TypeError(`authorize returned ${fault}`))
  const { id, project = DEFAULT_PROJECT, scope: granted } = decided as Grant
  if (granted !== scope && granted !== "admin") return yield* Effect.fail(lacks(granted, scope))
  return { project, id: `${project}/authorized/${id ?? granted}` }
})

const denied = refusal("not_authorized", "The program around this handler does not allow this request.")

const refuse = ({ detail, refuse: code }: Denial): Refusal =>
  refusal(code, detail ?? denied.problem.detail, code === "unauthenticated" ? CHALLENGE : {})

const lacks = (granted: KeyScope, scope: KeyScope): Refusal =>
  refusal("wrong_scope", `This request may do what a ${granted} key may; this needs the scope ${scope}.`)

const isDenial = (decided: unknown): decided is Denial =>
  isObject(decided) &&
  (decided["refuse"] === "unauthenticated" || decided["refuse"] === "not_authorized") &&
  (decided["detail"] === undefined || typeof decided["detail"] === "string")

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null

/** What makes it no grant. */
const faultOf = (decided: unknown): string | undefined => {
  if (!isObject(decided)) return `${typeof decided}; it must be { scope, project?, id? }, { refuse, detail? } or false`
  const stray = Object.keys(decided).find((field) => !GRANT_FIELDS.has(field))
  if (stray !== undefined) return `the field ${stray}, which is none of scope, project, id`
  if (!SCOPES.has(decided["scope"])) return "a scope that is not write, read or admin"
  const { id, project } = decided
  if (project !== undefined && (typeof project !== "string" || !isProject(project))) {
    return "a project that is not 1–64 letters, digits, _ or -"
  }
  return id === undefined || typeof id === "string" ? undefined : "an id that is no text"
}
