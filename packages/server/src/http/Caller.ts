import { Context } from "effect"

/** The project of every request when the server runs without keys. */
export const DEFAULT_PROJECT = "default"

/** Whose request it is. */
export interface Caller {
  readonly project: string
  /** Of the key, without showing it, or of the person: whose quota a request counts against. */
  readonly id: string
}

/** Caller of a request to a guarded endpoint, once the endpoint's scope was granted; elsewhere there is none to ask for. */
export class CurrentCaller extends Context.Service<CurrentCaller, Caller>()("@millrace/server/CurrentCaller") {}
