import { type StoredUser, withGrant } from "@millrace/core"
import { Schema } from "effect"
import type { RecordForm } from "../keys/RecordFile.ts"

const Role = Schema.Literals(["viewer", "admin"])

const Created = Schema.Struct({
  created: Schema.Struct({
    id: Schema.String,
    email: Schema.String,
    password: Schema.String,
    grants: Schema.Array(Schema.Struct({ project_id: Schema.String, role: Role })),
    created_at: Schema.Int
  })
})
/** `from`: only while that is the account's; sessions go on then. */
const Password = Schema.Struct({
  password: Schema.Struct({ id: Schema.String, to: Schema.String, from: Schema.optionalKey(Schema.String) })
})
const Disabled = Schema.Struct({ disabled: Schema.Struct({ id: Schema.String, to: Schema.Boolean }) })
const Granted = Schema.Struct({
  granted: Schema.Struct({ id: Schema.String, project_id: Schema.String, role: Schema.NullOr(Role) })
})
const UserRecord = Schema.Union([Created, Password, Disabled, Granted])
export type UserRecord = typeof UserRecord.Type

/** By id. */
export type Users = Map<string, StoredUser>

export const findByEmail = (users: Users, email: string): StoredUser | undefined =>
  [...users.values()].find((user) => user.email === email)

/** Two processes may append at once: what came first counts, and what does not fit any more changes nothing. */
const applyRecord = (users: Users, record: UserRecord): Users => {
  if ("created" in record) {
    const { created } = record
    if (users.has(created.id) || findByEmail(users, created.email) !== undefined) return users
    return users.set(created.id, { ...created, disabled: false, generation: 0 })
  }
  const { id } = "password" in record ? record.password : "disabled" in record ? record.disabled : record.granted
  const user = users.get(id)
  return user === undefined ? users : users.set(id, { ...user, ...changeOf(user, record) })
}

const changeOf = (user: StoredUser, record: Exclude<UserRecord, typeof Created.Type>): Partial<StoredUser> => {
  if ("granted" in record) {
    const { project_id, role } = record.granted
    return { grants: withGrant(user.grants, project_id, role ?? undefined) }
  }
  if ("disabled" in record) {
    const { to } = record.disabled
    return { disabled: to, generation: user.generation + (to && !user.disabled ? 1 : 0) }
  }
  const { from, to } = record.password
  if (from === undefined) return { password: to, generation: user.generation + 1 }
  return from === user.password ? { password: to } : {}
}

export const userForm: RecordForm<Users, UserRecord> = {
  name: "user",
  empty: () => new Map(),
  decode: Schema.decodeUnknownResult(Schema.fromJsonString(UserRecord)),
  apply: applyRecord
}
