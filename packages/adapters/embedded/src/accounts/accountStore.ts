import {
  everyMillis,
  liveSession,
  type StoredUser,
  superviseLoop,
  type User,
  UserStore,
  UserStoreError,
  UsersUnavailable
} from "@millrace/core"
import type { Files } from "@millrace/core/node"
import { Clock, Effect, Layer, Option } from "effect"
import { dirname, join } from "node:path"
import { RecordFile } from "../keys/RecordFile.ts"
import { findByEmail, userForm, type UserRecord, type Users } from "./record.ts"
import { SessionFolder } from "./SessionFolder.ts"

export interface UserFileOptions {
  /** Made with its folder by the first account; sessions lie in `sessions` beside it. */
  readonly path: string
  /** This machine's, where they are not given. */
  readonly files?: Files
}

const SWEEP_EVERY_MILLIS = 600_000

/** Accounts in one small file, sessions in small files beside it; several processes may have them open at once. */
export const users = ({ files, path }: UserFileOptions): Layer.Layer<UserStore, UserStoreError> =>
  Layer.effect(
    UserStore,
    Effect.gen(function* () {
      const file = new RecordFile(path, userForm, files)
      const folder = new SessionFolder(join(dirname(path), "sessions"), files)
      yield* attempt("open", () => file.read())
      const sweep = Effect.flatMap(nowMicros, (now) => attempt("endSession", () => folder.sweep(now)))
      yield* superviseLoop(everyMillis("ended-sessions", SWEEP_EVERY_MILLIS), Effect.as(sweep, SWEEP_EVERY_MILLIS))
      return UserStore.of({ ...accounts(file), ...sessions(file, folder) })
    })
  )

const attempt = <A>(operation: UserStoreError["operation"], body: () => Promise<A>): Effect.Effect<A, UserStoreError> =>
  Effect.tryPromise({
    try: body,
    catch: (cause) => new UserStoreError({ operation, reason: new UsersUnavailable({ cause }) })
  })

const nowMicros = Effect.map(Clock.currentTimeMillis, (millis) => millis * 1000)

type UserFile = RecordFile<Users, UserRecord>
type Store = UserStore["Service"]
type Accounts = Pick<Store, "create" | "find" | "list" | "setPassword" | "rehash" | "setDisabled" | "grant">

/** Two processes may append at once, and the first one's line counts: whose it was is read from the file. */
const createIn = async (file: UserFile, user: User & { readonly password: string }, created_at: number) => {
  const { email, grants, id, password } = user
  const created = { id, email, password, grants: grants.map(({ project_id, role }) => ({ project_id, role })) }
  const appended = await file.change((known) =>
    known.has(id) || findByEmail(known, email) !== undefined ? undefined : { created: { ...created, created_at } }
  )
  return appended && (await file.read()).get(id)?.password === password
}

const accounts = (file: UserFile): Accounts => {
  /** Of an account that is there. */
  const change = (
    operation: UserStoreError["operation"],
    id: string,
    decide: (user: StoredUser) => UserRecord | undefined
  ) =>
    attempt(operation, () =>
      file.change((known) => {
        const user = known.get(id)
        return user === undefined ? undefined : decide(user)
      })
    )
  return {
    create: (user) =>
      Effect.flatMap(nowMicros, (created_at) => attempt("create", () => createIn(file, user, created_at))),
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
      change("rehash", id, (user) => (user.password === from ? { password: { id, from, to } } : undefined)),
    setDisabled: (id, to) =>
      change("setDisabled", id, (user) => (user.disabled === to ? undefined : { disabled: { id, to } })),
    grant: (id, project_id, role) => change("grant", id, () => ({ granted: { id, project_id, role: role ?? null } }))
  }
}

const sessions = (file: UserFile, folder: SessionFolder): Omit<Store, keyof Accounts> => ({
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
