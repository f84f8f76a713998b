import type { Options } from "../core/types.ts"

export interface BrowserOptions extends Options {
  /** Track nothing where the browser says Global Privacy Control or Do Not Track. Default false. */
  readonly respectPrivacySignals?: boolean
}
