import type { AnyClient } from "../core/types.ts"
import { uuid7 } from "../core/uuid7.ts"

const STORAGE = "millrace:session"
const IDLE_MILLIS = 30 * 60_000
const LONGEST_MILLIS = 24 * 3_600_000

interface Session {
  readonly id: string
  readonly startedAt: number
  readonly seenAt: number
}

/** As the server counts them: over after 30 idle minutes, or after 24 hours. */
const isOver = ({ seenAt, startedAt }: Session, now: number) =>
  !(now - seenAt < IDLE_MILLIS && now - startedAt < LONGEST_MILLIS)

const load = (): Session | undefined => {
  try {
    return JSON.parse(localStorage.getItem(STORAGE) ?? "null") ?? undefined
  } catch {
    return undefined
  }
}

const save = (session: Session) => {
  try {
    localStorage.setItem(STORAGE, JSON.stringify(session))
  } catch {
    // Blocked or full: the session lives as long as the page.
  }
}

/** Adds `session_id` to every event; tabs share the session. */
export const sessions = (client: AnyClient): void => {
  let current: Session | undefined
  client.register({
    get session_id() {
      const now = Date.now()
      const known = (client.mayStore() && load()) || current
      current =
        known === undefined || isOver(known, now)
          ? { id: uuid7(now), startedAt: now, seenAt: now }
          : { ...known, seenAt: now }
      if (client.mayStore()) save(current)
      return current.id
    }
  })
}
