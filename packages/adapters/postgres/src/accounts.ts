import {
  type Grant,
  liveSession,
  type StoredAccount,
  type Account,
  AccountStore,
  AccountStoreError,
  AccountsUnavailable
} from "@millrace/core"
import { Clock, Effect, Layer, Option } from "effect"
import { type BoundValue, type Database, openDatabase, type Row, type Statement } from "./client.ts"
import { defaults, type PostgresOptions } from "./config.ts"
import type { DriverFailure } from "./errors.ts"
import { migrate } from "./migrate.ts"

/** Sessions are looked up a few times a minute; see the server's cache. */
const CONNECTIONS = 2

/** Accounts and their sessions, in a pool of connections of their own. */
export const accounts = (options: PostgresOptions): Layer.Layer<AccountStore, AccountStoreError> =>
  Layer.effect(
    AccountStore,
    Effect.gen(function* () {
      const database = yield* openDatabase({ ...defaults, connections: CONNECTIONS, ...options })
      yield* Effect.mapError(migrate(database), failed("open"))
      return AccountStore.of({ ...accountsIn(database), ...sessions(database) })
    })
  )

type Operation = AccountStoreError["operation"]
type Store = AccountStore["Service"]
type Accounts = Pick<Store, "create" | "find" | "list" | "setPassword" | "rehash" | "setDisabled" | "grant">

const failed = (operation: Operation) => (cause: DriverFailure) =>
  new AccountStoreError({ operation, reason: new AccountsUnavailable({ cause }) })

const nowMicros = Effect.map(Clock.currentTimeMillis, (millis) => millis * 1000)

const HASH = /^[0-9a-f]{64}$/u
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/u
const bytesOf = (hash: string) => Buffer.from(hash, "hex")

const asker = (database: Database) => (operation: Operation, statement: Statement, values: ReadonlyArray<BoundValue>) =>
  Effect.mapError(
    database.use((connection) => connection.rows(statement, values)),
    failed(operation)
  )

const accountsIn = (database: Database): Accounts => {
  const ask = asker(database)
  const change = (operation: Operation, statement: Statement, id: string, ...values: ReadonlyArray<BoundValue>) =>
    UUID.test(id)
      ? Effect.map(ask(operation, statement, [id, ...values]), (rows) => rows.length > 0)
      : Effect.succeed(false)
  return {
    create: (account) =>
      Effect.flatMap(nowMicros, (now) => Effect.mapError(insert(database, account, now), failed("create"))),
    find: (email) =>
      Effect.map(ask("find", FIND, [email]), (rows) => Option.map(Option.fromUndefinedOr(rows[0]), toAccount)),
    list: (project_id) => Effect.map(ask("list", LIST, [project_id ?? null]), (rows) => rows.map(toAccount)),
    setPassword: (id, password) => change("setPassword", SET_PASSWORD, id, password),
    rehash: (id, from, to) => change("rehash", REHASH, id, from, to),
    setDisabled: (id, disabled) => change("setDisabled", SET_DISABLED, id, disabled),
    grant: (id, project_id, role) =>
      role === undefined ? change("grant", TAKE_AWAY, id, project_id) : change("grant", GRANT, id, project_id, role)
  }
}

const insert = (database: Database, account: Account & { readonly password: string }, created_at: number) =>
  database.transaction((connection) =>
    Effect.gen(function* () {
      const { email, grants, id, password } = account
      const made = yield* connection.rows(CREATE, [id, email, password, created_at])
      for (const { project_id, role } of made.length > 0 ? grants : []) {
        yield* connection.rows(GRANT, [id, project_id, role])
      }
      return made.length > 0
    })
  )

const sessions = (database: Database): Omit<Store, keyof Accounts> => {
  const ask = asker(database)
  return {
    openSession: ({ expires_at, family, generation, hash, user_id }) =>
      Effect.gen(function* () {
        yield* ask("openSession", SWEEP, [yield* nowMicros])
        yield* ask("openSession", OPEN, [bytesOf(family), bytesOf(hash), user_id, generation, expires_at])
      }),
    session: Effect.fnUntraced(function* (family) {
      if (!HASH.test(family)) return Option.none()
      const [row] = yield* ask("session", SESSION, [bytesOf(family)])
      if (row === undefined) return Option.none()
      const session = { generation: Number(row["session_generation"]), expires_at: Number(row["expires_at"]) }
      return liveSession(session, toAccount(row), yield* nowMicros)
    }),
    rotate: Effect.fnUntraced(function* (family, hash, next) {
      if (![family, hash, next].every((name) => HASH.test(name))) return "ended" as const
      const now = yield* nowMicros
      const turned = yield* ask("rotate", ROTATE, [bytesOf(family), bytesOf(hash), bytesOf(next), now])
      if (turned.length > 0) return "rotated" as const
      const [ended] = yield* ask("rotate", END, [bytesOf(family)])
      return ended !== undefined && Number(ended["expires_at"]) > now ? ("reused" as const) : ("ended" as const)
    }),
    endSession: (family) =>
      HASH.test(family)
        ? Effect.map(ask("endSession", END, [bytesOf(family)]), (rows) => rows.length > 0)
        : Effect.succeed(false)
  }
}

const ACCOUNT = `
  users.id::text AS id, email, password, disabled, users.generation, created_at,
  (SELECT coalesce(json_agg(json_build_object('project_id', project_id, 'role', role) ORDER BY project_id), '[]')
    FROM user_grants WHERE user_id = users.id) AS grants`

const FIND = { text: `SELECT ${ACCOUNT} FROM users WHERE email = $1` }
const LIST = {
  text: `
    SELECT ${ACCOUNT} FROM users
    WHERE $1::text IS NULL OR EXISTS (SELECT FROM user_grants WHERE user_id = users.id AND project_id = $1)
    ORDER BY created_at, email`
}
const CREATE = {
  text: `
    INSERT INTO users (id, email, password, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING 1`
}
const SET_PASSWORD = { text: "UPDATE users SET password = $2, generation = generation + 1 WHERE id = $1 RETURNING 1" }
const REHASH = { text: "UPDATE users SET password = $3 WHERE id = $1 AND password = $2 RETURNING 1" }
const SET_DISABLED = {
  text: `
    UPDATE users SET disabled = $2, generation = generation + $2::boolean::integer
    WHERE id = $1 AND disabled <> $2 RETURNING 1`
}
/** Of an account that is not there nothing is inserted, and nothing returned. */
const GRANT = {
  text: `
    INSERT INTO user_grants (user_id, project_id, role) SELECT id, $2, $3 FROM users WHERE id = $1
    ON CONFLICT (user_id, project_id) DO UPDATE SET role = excluded.role RETURNING 1`
}
const TAKE_AWAY = {
  text: `
    WITH taken AS (DELETE FROM user_grants WHERE user_id = $1 AND project_id = $2)
    SELECT 1 FROM users WHERE id = $1`
}
const SWEEP = { text: "DELETE FROM user_sessions WHERE expires_at <= $1" }
const OPEN = {
  text: `
    INSERT INTO user_sessions (family, hash, user_id, generation, expires_at) VALUES ($1, $2, $3, $4, $5)`
}
const SESSION = {
  text: `
    SELECT ${ACCOUNT}, user_sessions.generation AS session_generation, expires_at
    FROM user_sessions JOIN users ON users.id = user_sessions.user_id WHERE family = $1`
}
const ROTATE = {
  text: `
    UPDATE user_sessions SET hash = $3 WHERE family = $1 AND hash = $2 AND expires_at > $4 RETURNING 1`
}
const END = { text: "DELETE FROM user_sessions WHERE family = $1 RETURNING expires_at" }

/** The tables' own checks keep roles to the two. */
const toAccount = (row: Row): StoredAccount => ({
  id: String(row["id"]),
  email: String(row["email"]),
  password: String(row["password"]),
  grants: row["grants"] as ReadonlyArray<Grant>,
  disabled: row["disabled"] === true,
  generation: Number(row["generation"]),
  created_at: Number(row["created_at"])
})
