import { Context, type Effect, type Option, Schema } from "effect"

export class AccountsUnavailable extends Schema.TaggedError<AccountsUnavailable>()("AccountsUnavailable", {
  cause: Schema.Defect()
}) {
  readonly retryable = true
}

export class AccountStoreError extends Schema.TaggedError<AccountStoreError>()("AccountStoreError", {
  operation: Schema.Literals([
    "open",
    "create",
    "find",
    "list",
    "setPassword",
    "rehash",
    "setDisabled",
    "grant",
    "openSession",
    "session",
    "rotate",
    "endSession"
  ]),
  reason: AccountsUnavailable
}) {
  get retryable(): boolean {
    return this.reason.retryable
  }
}

/** A role of an account in a project: `viewer` reads its statistics, `admin` does in it what an admin key does. */
export type AccountRole = "viewer" | "admin"

export interface Grant {
  readonly project_id: string
  readonly role: AccountRole
}

export interface Account {
  /** The account's id, a UUID. */
  readonly id: string
  /** Address as {@link normaliseEmail} has it. */
  readonly email: string
  /** Grants, at most one of a project, by its name. */
  readonly grants: ReadonlyArray<Grant>
}

/** An account as the store keeps it. */
export interface StoredAccount extends Account {
  /** Password as a PHC string: Argon2id with its parameters and salt. */
  readonly password: string
  readonly disabled: boolean
  /** Grows with every change that ends the account's sessions. */
  readonly generation: number
  /** Instant in UTC microseconds. */
  readonly created_at: number
}

export interface NewSession {
  /** Names the session: lower-case hex, 32 bytes. Who knows it can use nothing. */
  readonly family: string
  /** Hash of the refresh token that is good now: lower-case hex, 32 bytes. */
  readonly hash: string
  readonly user_id: string
  /** Generation of the account at the time its password was checked. */
  readonly generation: number
  /** Instant in UTC microseconds. */
  readonly expires_at: number
}

export interface Session {
  readonly account: Account
  readonly expires_at: number
}

/**
 * How a refresh ended. `rotated`: the token was the good one, and the next one is now. `reused`: it was spent before; the
 * session is over, for the thief and for the owner, since nobody can tell them apart. `ended`: there is no such session.
 */
export type Rotation = "rotated" | "reused" | "ended"

/**
 * Accounts and their sessions. The store sees neither passwords nor refresh tokens. A session is one row whatever the
 * number of refreshes: it keeps the hash of the one token that is good, and any other of the family is a spent one.
 */
export class AccountStore extends Context.Service<
  AccountStore,
  {
    /**
     * Creates an account, durable when it returns. False when the address has an account already; nothing is changed
     * then.
     */
    readonly create: (account: Account & { readonly password: string }) => Effect.Effect<boolean, AccountStoreError>
    readonly find: (email: string) => Effect.Effect<Option.Option<StoredAccount>, AccountStoreError>
    /** Lists accounts, oldest first, disabled ones included; with a project, those who have a role in it. */
    readonly list: (project_id?: string) => Effect.Effect<ReadonlyArray<StoredAccount>, AccountStoreError>
    /** Sets the password, and ends all of the account's sessions. False: there is no such account. */
    readonly setPassword: (id: string, password: string) => Effect.Effect<boolean, AccountStoreError>
    /**
     * Keeps the same password under other parameters: sessions go on. False when `from` is not the account's any more.
     */
    readonly rehash: (id: string, from: string, to: string) => Effect.Effect<boolean, AccountStoreError>
    /**
     * Disables or enables; disabling ends all of the account's sessions. False: there is no such account, or it was so
     * before.
     */
    readonly setDisabled: (id: string, disabled: boolean) => Effect.Effect<boolean, AccountStoreError>
    /** Sets the role, or takes it away; sessions have it from then on. False: there is no such account. */
    readonly grant: (
      id: string,
      project_id: string,
      role: AccountRole | undefined
    ) => Effect.Effect<boolean, AccountStoreError>
    /** Opens a session, durable when it returns. */
    readonly openSession: (session: NewSession) => Effect.Effect<void, AccountStoreError>
    /**
     * Finds a session: none once it has ended or expired, or its account is disabled, has another password or is gone.
     */
    readonly session: (family: string) => Effect.Effect<Option.Option<Session>, AccountStoreError>
    /** Rotates the token in one step: of many at once with one token exactly one is `rotated`. */
    readonly rotate: (family: string, hash: string, next: string) => Effect.Effect<Rotation, AccountStoreError>
    /** Ends a session, durable when it returns. False: there is no such session. */
    readonly endSession: (family: string) => Effect.Effect<boolean, AccountStoreError>
  }
>()("@millrace/core/port/AccountStore") {}

const MAX_EMAIL_CHARACTERS = 254
/** An address without spaces and control characters; whether mail arrives there is not ours to know. */
const EMAIL = /^[^\s\p{Cc}@]+@[^\s\p{Cc}@]+$/u

/** One spelling of an address, so that it has one account; `undefined` for what is none. */
export const normaliseEmail = (text: string): string | undefined => {
  const email = text.trim().normalize("NFC").toLowerCase()
  return email.length <= MAX_EMAIL_CHARACTERS && email.isWellFormed() && EMAIL.test(email) ? email : undefined
}
