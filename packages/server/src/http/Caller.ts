/** The project of every request when the server runs without keys. */
export const DEFAULT_PROJECT = "default"

/** Whose request it is. */
export interface Caller {
  readonly project: string
  /** Of the key, without showing it, or of the person: whose quota a request counts against. */
  readonly id: string
}
