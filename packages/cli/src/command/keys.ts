import { type KeyScope, KeyStore, type StoredApiKey } from "@millrace/core"
import { hashApiKey, isOrigin, isProject, KeyPepper, keyStoreLayer, newApiKey, prefixOf } from "@millrace/server"
import { Console, Effect, Option } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { CliFailure, WrongUsage } from "../CliFailure.ts"
import { table } from "../render/table.ts"
import { json } from "./flags.ts"
import { data, instant, withStore } from "./operatorStore.ts"

const createFlags = {
  project: Flag.String("project").pipe(
    Flag.withDefault("default"),
    Flag.withDescription("1–64 letters, digits, _ or -; made by its first key")
  ),
  scope: Flag.Literals("scope", ["write", "read", "admin"]).pipe(
    Flag.withDescription("write: may only send events, so it may live in a browser; read: statistics; admin: all")
  ),
  origin: Flag.String("origin").pipe(
    Flag.atLeast(0),
    Flag.withMetavar("ORIGIN"),
    Flag.withDescription("A web origin like https://shop.example that may use it; may be repeated (default: any)")
  ),
  json,
  data
}

const create = Command.make("create", createFlags, (flags) =>
  Effect.gen(function* () {
    if (!isProject(flags.project)) {
      return yield* new WrongUsage({ message: "--project must be 1–64 letters, digits, _ or -" })
    }
    const wrong = flags.origin.find((origin) => !isOrigin(origin))
    if (wrong !== undefined) {
      return yield* new WrongUsage({ message: `--origin ${wrong} is not an origin, like https://shop.example` })
    }
    const made = { project_id: flags.project, scope: flags.scope satisfies KeyScope, origins: flags.origin }
    const key = yield* withStore(flags.data, keyStoreLayer, createKey(made))
    if (flags.json) return yield* Console.log(JSON.stringify({ key, ...made }))
    yield* Console.log(key)
    yield* Console.error("Keep it now: it is shown this once, and only its hash is stored.")
  })
).pipe(Command.withDescription("Make an API key; it is printed alone on standard output"))

const createKey = Effect.fnUntraced(function* (made: Pick<StoredApiKey, "project_id" | "scope" | "origins">) {
  const key = newApiKey(made.scope)
  const hash = hashApiKey(key, yield* (yield* KeyPepper).get)
  yield* (yield* KeyStore).create({ ...made, hash, prefix: prefixOf(key) })
  return key
})

const shown = ({ created_at, origins, prefix, project_id, revoked_at, scope }: StoredApiKey) => ({
  prefix,
  project_id,
  scope,
  origins,
  created_at: instant(created_at),
  revoked_at: revoked_at === undefined ? null : instant(revoked_at)
})

const renderKeys = (keys: ReadonlyArray<StoredApiKey>): ReadonlyArray<string> =>
  keys.length === 0
    ? ["no keys"]
    : table(
        ["prefix", "project", "scope", "origins", "created", "revoked"].map((title) => ({ title, align: "left" })),
        keys
          .map(shown)
          .map(({ created_at, origins, prefix, project_id, revoked_at, scope }) => [
            prefix,
            project_id,
            scope,
            origins.length === 0 ? "any" : origins.join(" "),
            created_at,
            revoked_at ?? ""
          ])
      )

const onlyProject = Flag.String("project").pipe(Flag.optional, Flag.withDescription("Only this one's"))

const list = Command.make("list", { project: onlyProject, json, data }, (flags) =>
  Effect.gen(function* () {
    const project = Option.getOrUndefined(flags.project)
    const keys = yield* withStore(
      flags.data,
      keyStoreLayer,
      Effect.flatMap(KeyStore, (store) => store.list(project))
    )
    yield* Console.log(flags.json ? JSON.stringify(keys.map(shown)) : renderKeys(keys).join("\n"))
  })
).pipe(Command.withDescription("API keys by their first characters, revoked ones included"))

const prefix = Argument.String("prefix").pipe(
  Argument.withDescription("The key's first characters, as keys list has it")
)

const revoke = Command.make("revoke", { prefix, data }, (flags) =>
  Effect.gen(function* () {
    const revoked = yield* withStore(flags.data, keyStoreLayer, revokeKey(flags.prefix))
    yield* Console.log(
      `${revoked.prefix} (${revoked.project_id}, ${revoked.scope}) is revoked; servers refuse it within 10 s`
    )
  })
).pipe(Command.withDescription("Revoke an API key for good, on every server that shares the key store"))

const revokeKey = Effect.fnUntraced(function* (start: string) {
  const store = yield* KeyStore
  const found = (yield* store.list()).filter((key) => key.revoked_at === undefined && key.prefix.startsWith(start))
  const [only, ...others] = found
  if (only === undefined || start === "") {
    return yield* new CliFailure({ message: `no key in use begins with ${JSON.stringify(start)}` })
  }
  if (others.length > 0)
    return yield* new CliFailure({ message: `${found.length} keys begin with ${start}: give more of it` })
  yield* store.revoke(only.hash)
  return only
})

export const keys = Command.make("keys").pipe(
  Command.withDescription("Make, list or revoke API keys"),
  Command.withSubcommands([create, list, revoke])
)
