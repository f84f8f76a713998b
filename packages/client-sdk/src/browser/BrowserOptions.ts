import type { Options } from "../core/types.ts"

export interface BrowserOptions extends Options {
  /** Track nothing where the browser says Global Privacy Control or Do Not Track. Default false. */
  readonly respectPrivacySignals?: boolean
  /**
   * `pending`: nothing is stored or sent until `optIn()`, which sends what was tracked since; `optOut()` drops it. A visitor
   * who was asked before is not asked again: what the browser remembers of an earlier answer holds. `denied`: as after
   * `optOut()`, but nothing is remembered. Default `granted`.
   */
  readonly consent?: "granted" | "pending" | "denied"
  /** `memory`: nothing is ever stored in the browser, neither ids nor events; each page load is somebody new. Default `browser`. */
  readonly persistence?: "browser" | "memory"
}
