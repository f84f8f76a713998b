import { type StoredAccount, withGrant } from "@millrace/core"
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
const AccountRecord = Schema.Union([Created, Password, Disabled, Granted])
export type AccountRecord = typeof AccountRecord.Type

/** By id. */
export type KnownAccounts = Map<string, StoredAccount>

export const findByEmail = (accounts: KnownAccounts, email: string): StoredAccount | undefined =>
  [...accounts.values()].find((account) => account.email === email)

/** Two processes may append at once: what came first counts, and what does not fit any more changes nothing. */
const applyRecord = (accounts: KnownAccounts, record: AccountRecord): KnownAccounts => {
  if ("created" in record) {
    const { created } = record
    if (accounts.has(created.id) || findByEmail(accounts, created.email) !== undefined) return accounts
    return accounts.set(created.id, { ...created, disabled: false, generation: 0 })
  }
  const { id } = "password" in record ? record.password : "disabled" in record ? record.disabled : record.granted
  const account = accounts.get(id)
  return account === undefined ? accounts : accounts.set(id, { ...account, ...changeOf(account, record) })
}

const changeOf = (
  account: StoredAccount,
  record: Exclude<AccountRecord, typeof Created.Type>
): Partial<StoredAccount> => {
  if ("granted" in record) {
    const { project_id, role } = record.granted
    return { grants: withGrant(account.grants, project_id, role ?? undefined) }
  }
  if ("disabled" in record) {
    const { to } = record.disabled
    return { disabled: to, generation: account.generation + (to && !account.disabled ? 1 : 0) }
  }
  const { from, to } = record.password
  if (from === undefined) return { password: to, generation: account.generation + 1 }
  return from === account.password ? { password: to } : {}
}

export const accountForm: RecordForm<KnownAccounts, AccountRecord> = {
  name: "user",
  empty: () => new Map(),
  decode: Schema.decodeUnknownResult(Schema.fromJsonString(AccountRecord)),
  apply: applyRecord
}
