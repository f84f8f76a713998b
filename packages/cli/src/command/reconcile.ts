import { EventStoreError, forgetWarehouse, type ReconcileChoice, type Reconciled, reconcileStore } from "@millrace/core"
import { failureText, serverConfig, type ServerOptions, uncheckedAdapters } from "@millrace/server"
import { Console, Effect, Layer, Option } from "effect"
import { Command, Flag } from "effect/cli"
import { CliFailure, WrongUsage } from "../CliFailure.ts"
import { folderFailure, requireFolder } from "../target/folder.ts"
import { json } from "./flags.ts"

const choice = (name: string, description: string) =>
  Flag.Boolean(name).pipe(Flag.withDefault(false), Flag.withDescription(description))

const flags = {
  data: Flag.String("data").pipe(
    Flag.withDescription(
      "The data folder of the warehouse; no server may have it. The store is the server's, by its settings"
    ),
    Flag.withMetavar("DIR")
  ),
  reload: choice("reload", "The store was put back or is another: load all that it has; what is here stays, once"),
  skip: choice("skip", "The store begins behind the warehouse: give up what lies between; the ledger says how much"),
  takeOver: choice("take-over", "Another warehouse is filled from this store: fill this one from now on, and not that"),
  forget: Flag.String("forget").pipe(
    Flag.optional,
    Flag.withMetavar("ID"),
    Flag.withDescription("Another warehouse, as an erasure's receipt names it, whose folder is gone or was erased from")
  ),
  json
}

type Places = Pick<ServerOptions, "directory" | "queue" | "warehouse">

const forgotten = Effect.fnUntraced(function* (id: string) {
  if (!(yield* forgetWarehouse(id))) {
    return yield* new CliFailure({ message: `the store knows of no other warehouse ${id}` })
  }
})

const reconcileIn = (options: Places, chosen: ReconcileChoice, forget: Option.Option<string>) =>
  Effect.gen(function* () {
    const services = yield* Layer.build(uncheckedAdapters(options))
    return yield* Effect.gen(function* () {
      const reconciled = yield* reconcileStore(chosen)
      if (Option.isSome(forget)) yield* forgotten(forget.value)
      return reconciled
    }).pipe(Effect.provideContext(services))
  }).pipe(
    Effect.scoped,
    Effect.mapError((error) => {
      if (error instanceof CliFailure) return error
      return error instanceof EventStoreError && error.reason._tag === "StoreMismatch"
        ? new CliFailure({ message: error.reason.message })
        : folderFailure(options.directory, error)
    })
  )

const render = (directory: string, { resolved }: Reconciled): string =>
  resolved.length === 0
    ? `${directory}: store and warehouse belong together; there is nothing to do`
    : `${directory}: store and warehouse go on together (${resolved.join(", ").replaceAll("_", " ")}); start the server`

/** Without a choice it only says what is the matter. */
export const reconcile = Command.make("reconcile", flags, ({ data, forget, json: asJson, ...chosen }) =>
  Effect.gen(function* () {
    yield* requireFolder(data)
    const config = yield* Effect.mapError(serverConfig, (error) => new WrongUsage({ message: failureText(error) }))
    const reconciled = yield* reconcileIn({ ...config, directory: data }, chosen, forget)
    yield* Console.log(asJson ? JSON.stringify(reconciled) : render(data, reconciled))
  })
).pipe(
  Command.withDescription("Say whether store and warehouse belong together, and put them together again as chosen")
)
