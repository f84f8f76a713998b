import { toHost, toText } from "../core/check.ts"
import { toJson, toPlain } from "../core/toJson.ts"
import { uuid7 } from "../core/uuid7.ts"
import type { Properties, TrackOptions } from "../core/types.ts"
import type { BrowserOptions } from "./BrowserOptions.ts"
import { isSilenced, loadIdentity, saveIdentity } from "./identity.ts"

/** What stands on the page as `millrace` until the client is loaded. */
export interface Stub {
  options?: BrowserOptions
  /** `[method, arguments]`; undefined once the client has taken over. */
  calls?: Array<readonly [string, ReadonlyArray<unknown>]> | undefined
  load?: (source: string, options: BrowserOptions) => void
}

const stub: Stub & Record<string, unknown> = { calls: [] }

/** Id and time are those of the call, so that it makes no difference who sends it in the end. */
const track = (type: string, properties?: Properties, options?: TrackOptions): string => {
  const now = Date.now()
  const given = { eventId: uuid7(now), occurredAt: now, ...options }
  stub.calls?.push(["track", [type, toPlain(properties), given]])
  return given.eventId!
}

/** A visitor who leaves before the client is there: the browser sends the events for us. */
const leave = () => {
  const options = stub.options!
  const { consent, key = "", host, persistence } = options
  const forgetful = persistence === "memory"
  const who = forgetful ? {} : loadIdentity(`millrace:${key}`)
  const isAsked = consent === "pending" && who.optedOut !== false
  if (!stub.calls || who.optedOut || isAsked || isSilenced(options)) return
  who.anonymousId ??= uuid7(Date.now())
  if (!forgetful) saveIdentity(`millrace:${key}`, who)
  const events = stub.calls.flatMap(([method, [type, properties = {}, given]]) => {
    const { eventId, occurredAt, userId } = given as TrackOptions
    const occurred_at = new Date(occurredAt!).toISOString()
    const user_id = toText(userId ?? who.userId ?? who.anonymousId)
    return method === "track" ? [{ event_id: eventId, occurred_at, user_id, event_type: type, properties }] : []
  })
  const body = toJson({ ...(key && { key }), sent_at: new Date().toISOString(), events })
  if (events.length) navigator.sendBeacon(`${toHost(host)}/events`, body)
}

stub["track"] = track
stub["page"] = (name?: string, properties?: Properties) => track("$page", { name, ...properties })
for (const method of ["identify", "alias", "reset", "register", "optOut", "optIn"]) {
  stub[method] = (...args: ReadonlyArray<unknown>) => void stub.calls?.push([method, args])
}
stub.load = (source, options) => {
  stub.options = options
  addEventListener("pagehide", leave)
  const script = document.createElement("script")
  script.async = true
  script.src = source
  document.head.append(script)
}
;(globalThis as { millrace?: Stub }).millrace ??= stub
