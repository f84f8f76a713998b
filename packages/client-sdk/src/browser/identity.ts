import type { Identity } from "../core/makeClient.ts"
import type { BrowserOptions } from "./BrowserOptions.ts"

/** Empty where storage is blocked or holds something else. */
export const loadIdentity = (name: string): Identity => {
  try {
    return { ...JSON.parse(localStorage[name]) }
  } catch {
    return {}
  }
}

/** Whether visitor or application want nothing to be tracked, whatever was answered before. */
export const isSilenced = ({ consent, respectPrivacySignals }: BrowserOptions): unknown => {
  const { doNotTrack, globalPrivacyControl } = navigator as { doNotTrack?: string; globalPrivacyControl?: boolean }
  return consent === "denied" || (respectPrivacySignals && (globalPrivacyControl || doNotTrack === "1"))
}

export const saveIdentity = (name: string, identity: Identity): void => {
  try {
    localStorage[name] = JSON.stringify(identity)
    // Of the plugin: whoever opts out leaves no id behind.
    if (identity.optedOut) delete localStorage["millrace:session"]
  } catch {
    // Blocked or full: the identity lives as long as the page.
  }
}
