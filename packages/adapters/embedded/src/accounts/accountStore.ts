import {
  everyMillis,
  liveSession,
  type StoredAccount,
  superviseLoop,
  type Account,
  AccountStore,
  AccountStoreError,
  AccountsUnavailable
} from "@millrace/core"
import type { Files } from "@millrace/core/node"
import { Clock, Effect, Layer, Option } from "effect"
import { dirname, join } from "node:path"
import { RecordFile } from "../keys/RecordFile.ts"
import { findByEmail, accountForm, type AccountRecord, type KnownAccounts } from "./record.ts"
import { SessionFolder } from "./SessionFolder.ts"

export interface AccountFileOptions {
  /** Made with its folder by the first account; sessions lie in `sessions` beside it. */
  readonly path: string
  /** This machine's, where they are not given. */
  readonly files?: Files
}

const SWEEP_EVERY_MILLIS = 600_000

/** Accounts in one small file, sessions in small files beside it; several processes may have them open at once. */
export const accounts = ({ files, path }: AccountFileOptions): Layer.Layer<AccountStore, AccountStoreError> =>
  Layer.effect(
    AccountStore,
    Effect.gen(function* () {
      const file = new RecordFile(path, accountForm, files)
      const folder = new SessionFolder(join(dirname(path), "sessions"), files)
      yield* attempt("open", () => file.read())
      const sweep = Effect.flatMap(nowMicros, (now) => attempt("endSession", () => folder.sweep(now)))
      yield* superviseLoop(everyMillis("ended-sessions", SWEEP_EVERY_MILLIS), Effect.as(sweep, SWEEP_EVERY_MILLIS))
      return AccountStore.of({ ...accountsIn(file), ...sessions(file, folder) })
    })
  )

const attempt = <A>(
  operation: AccountStoreError["operation"],
  body: () => Promise<A>
): Effect.Effect<A, AccountStoreError> =>
  Effect.tryPromise({
    try: body,
    catch: (cause) => new AccountStoreError({ operation, reason: new AccountsUnavailable({ cause }) })
  })

const nowMicros = Effect.map(Clock.currentTimeMillis, (millis) => millis * 1000)

type AccountFile = RecordFile<KnownAccounts, AccountRecord>
type Store = AccountStore["Service"]
type Accounts = Pick<Store, "create" | "find" | "list" | "setPassword" | "rehash" | "setDisabled" | "grant">

/** Two processes may append at once, and the first one's line counts: whose it was is read from the file. */
const createIn = async (file: AccountFile, account: Account & { readonly password: string }, created_at: number) => {
  const { email, grants, id, password } = account
  const created = { id, email, password, grants: grants.map(({ project_id, role }) => ({ project_id, role })) }
  const appended = await file.change((known) =>
    known.has(id) || findByEmail(known, email) !== undefined ? undefined : { created: { ...created, created_at } }
  )
  return appended && (await file.read()).get(id)?.password === password
}

const accountsIn = (file: AccountFile): Accounts => {
  /** Of an account that is there. */
  const change = (
    operation: AccountStoreError["operation"],
    id: string,
    decide: (account: StoredAccount) => AccountRecord | undefined
  ) =>
    attempt(operation, () =>
      file.change((known) => {
        const account = known.get(id)
        return account === undefined ? undefined : decide(account)
      })
    )
  return {
    create: (account) =>
      Effect.flatMap(nowMicros, (created_at) => attempt("create", () => createIn(file, account, created_at))),
    find: (email) =>
      Effect.map(
        attempt("find", () => file.read()),
        (known) => Option.fromUndefinedOr(findByEmail(known, email))
      ),
    list: (project_id) =>
      Effect.map(
        attempt("list", () => file.read()),
        (known) =>
          [...known.values()].filter(
            ({ grants }) => project_id === undefined || grants.some((grant) => grant.project_id === project_id)
          )
      ),
    setPassword: (id, to) => change("setPassword", id, () => ({ password: { id, to } })),
    rehash: (id, from, to) =>
      change("rehash", id, (account) => (account.password === from ? { password: { id, from, to } } : undefined)),
    setDisabled: (id, to) =>
      change("setDisabled", id, (account) => (account.disabled === to ? undefined : { disabled: { id, to } })),
    grant: (id, project_id, role) => change("grant", id, () => ({ granted: { id, project_id, role: role ?? null } }))
  }
}

const sessions = (file: AccountFile, folder: SessionFolder): Omit<Store, keyof Accounts> => ({
  openSession: (session) => attempt("openSession", () => folder.open(session)),
  session: (family) =>
    Effect.flatMap(nowMicros, (now) =>
      attempt("session", async () => {
        const found = await folder.find(family)
        return liveSession(found, found === undefined ? undefined : (await file.read()).get(found.user_id), now)
      })
    ),
  rotate: (family, hash, next) =>
    Effect.flatMap(nowMicros, (now) => attempt("rotate", () => folder.rotate(family, hash, next, now))),
  endSession: (family) => attempt("endSession", () => folder.end(family))
})
