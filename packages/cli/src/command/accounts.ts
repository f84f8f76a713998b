import { randomUUID } from "node:crypto"
import { type AccountRole, AccountStore, normaliseEmail, type StoredAccount } from "@millrace/core"
import {
  accountStoreLayer,
  hashPassword,
  isProject,
  MAX_PASSWORD_CHARACTERS,
  MIN_PASSWORD_CHARACTERS
} from "@millrace/server"
import { Console, Effect, Option, Redacted } from "effect"
import { Argument, Command, Flag, Prompt } from "effect/cli"
import { CliFailure, WrongUsage } from "../CliFailure.ts"
import { json } from "./flags.ts"
import { data, instant, withStore } from "./operatorStore.ts"
import { table } from "../render/table.ts"

const email = Argument.String("email").pipe(Argument.withDescription("The account's address; capitals do not matter"))

const readEmail = (text: string) => {
  const address = normaliseEmail(text)
  return address === undefined
    ? Effect.fail(new WrongUsage({ message: `${JSON.stringify(text)} is not an address like ada@shop.example` }))
    : Effect.succeed(address)
}

const readProject = (project: string) =>
  isProject(project)
    ? Effect.succeed(project)
    : Effect.fail(new WrongUsage({ message: "--project must be 1–64 letters, digits, _ or -" }))

const roleText = "viewer: statistics; admin: what an admin key may do"

const createFlags = {
  email,
  project: Flag.String("project").pipe(Flag.optional, Flag.withDescription("A project to give a role in")),
  role: Flag.Literals("role", ["viewer", "admin"]).pipe(
    Flag.withDefault("viewer"),
    Flag.withDescription(`With --project. ${roleText}`)
  ),
  data
}

const create = Command.make("create", createFlags, (flags) =>
  Effect.gen(function* () {
    const address = yield* readEmail(flags.email)
    const grants = Option.isNone(flags.project)
      ? []
      : [{ project_id: yield* readProject(flags.project.value), role: flags.role satisfies AccountRole }]
    const text = yield* readPassword
    const password = yield* Effect.promise(() => hashPassword(text))
    const made = yield* withStore(
      flags.data,
      accountStoreLayer,
      Effect.flatMap(AccountStore, (store) => store.create({ id: randomUUID(), email: address, grants, password }))
    )
    if (!made) return yield* new CliFailure({ message: `${address} has an account already` })
    yield* Console.log(
      `${address} may log in${grants.map((grant) => `, as ${grant.role} of ${grant.project_id}`).join("")}`
    )
  })
).pipe(Command.withDescription("Make an account; its password is asked for, or read from standard input"))

/** On the account of an address. */
const onAccount = Effect.fnUntraced(function* <A, E>(
  directory: Option.Option<string>,
  given: string,
  change: (store: AccountStore["Service"], account: StoredAccount) => Effect.Effect<A, E>
) {
  const address = yield* readEmail(given)
  const found = Effect.gen(function* () {
    const store = yield* AccountStore
    const account = Option.getOrUndefined(yield* store.find(address))
    if (account === undefined) return yield* new CliFailure({ message: `${address} has no account` })
    yield* change(store, account)
    return address
  })
  return yield* withStore(directory, accountStoreLayer, found)
})

const shown = ({ created_at, disabled, email: address, grants }: StoredAccount) => ({
  email: address,
  projects: grants.map(({ project_id, role }) => ({ project: project_id, role })),
  disabled,
  created_at: instant(created_at)
})

const renderAccounts = (found: ReadonlyArray<StoredAccount>): ReadonlyArray<string> =>
  found.length === 0
    ? ["no accounts"]
    : table(
        ["email", "roles", "state", "created"].map((title) => ({ title, align: "left" })),
        found
          .map(shown)
          .map(({ created_at, disabled, email: address, projects }) => [
            address,
            projects.map(({ project, role }) => `${project}:${role}`).join(" "),
            disabled ? "disabled" : "",
            created_at
          ])
      )

const onlyProject = Flag.String("project").pipe(Flag.optional, Flag.withDescription("Those with a role in this one"))

const list = Command.make("list", { project: onlyProject, json, data }, (flags) =>
  Effect.gen(function* () {
    const found = yield* withStore(
      flags.data,
      accountStoreLayer,
      Effect.flatMap(AccountStore, (store) => store.list(Option.getOrUndefined(flags.project)))
    )
    yield* Console.log(flags.json ? JSON.stringify(found.map(shown)) : renderAccounts(found).join("\n"))
  })
).pipe(Command.withDescription("Accounts with their roles, disabled ones included"))

const switchTo = (disabled: boolean, what: string) =>
  Effect.fnUntraced(function* (flags: { readonly email: string; readonly data: Option.Option<string> }) {
    const address = yield* onAccount(flags.data, flags.email, (store, account) =>
      store.setDisabled(account.id, disabled)
    )
    yield* Console.log(`${address} ${what}`)
  })

const disable = Command.make(
  "disable",
  { email, data },
  switchTo(true, "is disabled; servers refuse its sessions within 10 s")
).pipe(Command.withDescription("Lock an account and end its sessions, on every server that shares the store"))

const enable = Command.make("enable", { email, data }, switchTo(false, "may log in again")).pipe(
  Command.withDescription("Unlock an account; its former sessions stay ended")
)

const passwd = Command.make("passwd", { email, data }, (flags) =>
  Effect.gen(function* () {
    yield* readEmail(flags.email)
    const text = yield* readPassword
    const password = yield* Effect.promise(() => hashPassword(text))
    const address = yield* onAccount(flags.data, flags.email, (store, account) =>
      store.setPassword(account.id, password)
    )
    yield* Console.log(`${address} has a new password; its sessions have ended`)
  })
).pipe(Command.withDescription("Set a new password, asked for or read from standard input, and end the sessions"))

const grantFlags = {
  email,
  project: Flag.String("project").pipe(Flag.withDescription("1–64 letters, digits, _ or -")),
  role: Flag.Literals("role", ["viewer", "admin", "none"]).pipe(
    Flag.withDescription(`${roleText}; none: takes the role away`)
  ),
  data
}

const grant = Command.make("grant", grantFlags, (flags) =>
  Effect.gen(function* () {
    const project = yield* readProject(flags.project)
    const role = flags.role === "none" ? undefined : flags.role
    const address = yield* onAccount(flags.data, flags.email, (store, account) =>
      store.grant(account.id, project, role)
    )
    yield* Console.log(`${address} is ${role ?? "nothing"} in ${project}; servers know within 10 s`)
  })
).pipe(Command.withDescription("Give an account a role in a project, change it, or take it away"))

export const accounts = Command.make("users").pipe(
  Command.withDescription("Make, list, lock or unlock accounts, and say what they may see"),
  Command.withSubcommands([create, list, disable, enable, passwd, grant])
)

/** More than any password; what is piped in by mistake is not read to its end. */
const MAX_BYTES = 4_096

const brokenRule = (password: string): string | undefined => {
  if (!password.isWellFormed()) return "a password must be text"
  if (password.length < MIN_PASSWORD_CHARACTERS)
    return `a password must have at least ${MIN_PASSWORD_CHARACTERS} characters`
  return password.length > MAX_PASSWORD_CHARACTERS
    ? `a password must have at most ${MAX_PASSWORD_CHARACTERS} characters`
    : undefined
}

/**
 * A new password: asked for twice at a terminal, without an echo; else all of standard input, without its line end.
 * Never an argument, which other users of the machine could see.
 */
const readPassword = Effect.gen(function* () {
  const password = process.stdin.isTTY ? yield* ask : yield* Effect.tryPromise({ try: readAll, catch: cannotRead })
  const broken = brokenRule(password)
  return broken === undefined ? password : yield* new WrongUsage({ message: broken })
})

const hidden = (message: string) => Effect.map(Prompt.run(Prompt.Hidden({ message })), Redacted.value)

const ask = Effect.gen(function* () {
  const password = yield* hidden("New password")
  if ((yield* hidden("The same again")) !== password) return yield* new WrongUsage({ message: "the two differ" })
  return password
}).pipe(Effect.catchTag("QuitError", () => Effect.interrupt))

const cannotRead = () => new CliFailure({ message: "the password cannot be read from standard input" })

const readAll = async (): Promise<string> => {
  const chunks: Array<Buffer> = []
  let bytes = 0
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    bytes += chunk.length
    chunks.push(chunk)
    if (bytes > MAX_BYTES) break
  }
  return Buffer.concat(chunks)
    .toString("utf8")
    .replace(/\r?\n$/u, "")
}
