import { Option } from "effect"
import type { Grant, NewSession, Session, StoredAccount, AccountRole } from "./AccountStore.ts"

/** Grants with one of them changed, by project. */
export const withGrant = (
  grants: ReadonlyArray<Grant>,
  project_id: string,
  role: AccountRole | undefined
): ReadonlyArray<Grant> =>
  [
    ...grants.filter((grant) => grant.project_id !== project_id),
    ...(role === undefined ? [] : [{ project_id, role }])
  ].toSorted((a, b) => (a.project_id < b.project_id ? -1 : 1))

/** The session as it is good for something at `now`, by its account as it is then. */
export const liveSession = (
  session: Pick<NewSession, "generation" | "expires_at"> | undefined,
  account: StoredAccount | undefined,
  now: number
): Option.Option<Session> => {
  if (session === undefined || account === undefined || account.disabled) return Option.none()
  if (session.generation !== account.generation || session.expires_at <= now) return Option.none()
  const { email, grants, id } = account
  return Option.some({ account: { id, email, grants }, expires_at: session.expires_at })
}
