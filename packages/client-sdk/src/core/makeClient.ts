import { isId, toText } from "./check.ts"
import type { Sender } from "./makeSender.ts"
import { toJson, toPlain } from "./toJson.ts"
import type { Client, Properties, TrackOptions } from "./types.ts"
import { uuid7 } from "./uuid7.ts"

/** Who the events belong to; in browsers it outlives the page. */
export interface Identity {
  anonymousId?: string | undefined
  userId?: string | number | undefined
  optedOut?: boolean
  /** Consent is still asked for: events are held in memory, nothing is sent or stored. */
  pending?: boolean | undefined
}

export interface Home {
  readonly _identity: Identity
  readonly _save: (identity: Identity) => unknown
  readonly _purge: () => void
  readonly _mayStore: () => boolean
  readonly _close: () => Promise<void>
}

/** The public methods over a sender. Loose in its types: {@link Client} says what applications may pass. */
export const makeClient = (sender: Sender, home: Home): Client<Record<string, Properties>> => {
  const who = home._identity
  let registered = {}
  const save = (changes: Identity) => home._save(Object.assign(who, changes))
  /** Made when it is first needed: a client that is only created stores nothing, and edge platforms give no chance before a request. */
  const anonymous = () => {
    if (!who.anonymousId) save({ anonymousId: uuid7(Date.now()) })
    return who.anonymousId!
  }

  const track = (type: string, properties?: Properties, options?: TrackOptions): string => {
    if (who.optedOut) return ""
    const now = Date.now()
    const { eventId = uuid7(now), occurredAt = now, userId = who.userId ?? anonymous() } = options ?? {}
    try {
      const event = {
        event_id: eventId,
        occurred_at: new Date(occurredAt),
        user_id: toText(userId),
        event_type: type,
        properties: { ...(toPlain(registered) as object), ...(toPlain(properties) as object) }
      }
      sender._add(eventId, toJson(event), now)
    } catch (cause) {
      sender._refuse(eventId, "invalid", String(cause))
    }
    return eventId
  }

  const reset = () => {
    registered = {}
    save({ anonymousId: undefined, userId: undefined })
  }

  return {
    track,
    identify: (given, traits) => {
      const userId = toText(given)
      if (!isId(userId)) return sender._refuse("", "invalid", `no user id: ${given}`)
      const other = who.userId !== userId
      if (other && who.userId) reset()
      save({ userId })
      if (other || traits) track("$identify", { ...(toPlain(traits) as object), anonymous_id: anonymous() })
    },
    alias: (anonymousId, userId) => void track("$identify", { anonymous_id: toText(anonymousId) }, { userId }),
    reset,
    register: (properties) => {
      // Not a spread: getters stay getters.
      Object.defineProperties(registered, Object.getOwnPropertyDescriptors(Object(properties)))
    },
    page: (name, properties) => track("$page", { name, ...(toPlain(properties) as object) }),
    flush: sender._flush,
    shutdown: home._close,
    optOut: () => {
      save({ anonymousId: undefined, optedOut: true, pending: undefined, userId: undefined })
      sender._purge()
      home._purge()
    },
    optIn: () => {
      save({ optedOut: false, pending: undefined })
      void sender._flush()
    },
    anonymousId: () => (who.optedOut ? "" : anonymous()),
    mayStore: home._mayStore,
    stats: sender._stats
  }
}
