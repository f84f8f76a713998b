import { Clock, Effect, Layer, Option } from "effect"
import { type NewSession, type Rotation, type StoredAccount, AccountStore } from "../port/AccountStore.ts"
import { liveSession, withGrant } from "../port/sessions.ts"

const nowMicros = Effect.map(Clock.currentTimeMillis, (millis) => millis * 1000)

/** Accounts for as long as the process. */
export const layerMemoryAccountStore: Layer.Layer<AccountStore> = Layer.sync(AccountStore, () => {
  const accounts = new Map<string, StoredAccount>()
  const sessions = new Map<string, NewSession>()
  const change = (id: string, update: (account: StoredAccount) => Partial<StoredAccount> | undefined) =>
    Effect.sync(() => {
      const account = accounts.get(id)
      const changed = account === undefined ? undefined : update(account)
      if (account !== undefined && changed !== undefined) accounts.set(id, { ...account, ...changed })
      return changed !== undefined
    })
  const byEmail = (email: string) => [...accounts.values()].find((account) => account.email === email)
  return AccountStore.of({
    create: ({ email, grants, id, password }) =>
      Effect.map(nowMicros, (created_at) => {
        if (accounts.has(id) || byEmail(email) !== undefined) return false
        accounts.set(id, { id, email, grants, password, disabled: false, generation: 0, created_at })
        return true
      }),
    find: (email) => Effect.sync(() => Option.fromUndefinedOr(byEmail(email))),
    list: (project_id) =>
      Effect.sync(() =>
        [...accounts.values()].filter(
          ({ grants }) => project_id === undefined || grants.some((grant) => grant.project_id === project_id)
        )
      ),
    setPassword: (id, password) => change(id, ({ generation }) => ({ password, generation: generation + 1 })),
    rehash: (id, from, to) => change(id, ({ password }) => (password === from ? { password: to } : undefined)),
    setDisabled: (id, disabled) =>
      change(id, (account) =>
        account.disabled === disabled ? undefined : { disabled, generation: account.generation + (disabled ? 1 : 0) }
      ),
    grant: (id, project_id, role) => change(id, ({ grants }) => ({ grants: withGrant(grants, project_id, role) })),
    openSession: (session) => Effect.map(nowMicros, (now) => openIn(sessions, session, now)),
    session: (family) =>
      Effect.map(nowMicros, (now) => {
        const session = sessions.get(family)
        return liveSession(session, session === undefined ? undefined : accounts.get(session.user_id), now)
      }),
    rotate: (family, hash, next) => Effect.map(nowMicros, (now) => rotateIn(sessions, family, hash, next, now)),
    endSession: (family) => Effect.sync(() => sessions.delete(family))
  })
})

/** Expired ones go on the way: they are refused anyhow. */
const openIn = (sessions: Map<string, NewSession>, session: NewSession, now: number) => {
  for (const [family, { expires_at }] of sessions) if (expires_at <= now) sessions.delete(family)
  sessions.set(session.family, session)
}

const rotateIn = (
  sessions: Map<string, NewSession>,
  family: string,
  hash: string,
  next: string,
  now: number
): Rotation => {
  const session = sessions.get(family)
  if (session === undefined) return "ended"
  if (session.expires_at <= now || session.hash !== hash) {
    sessions.delete(family)
    return session.expires_at <= now ? "ended" : "reused"
  }
  sessions.set(family, { ...session, hash: next })
  return "rotated"
}
