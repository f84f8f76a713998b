import { EventQueueError, EventStoreError, KeyStoreError, AccountStoreError } from "@millrace/core"
import {
  Access,
  AdapterNotInstalled,
  BadAdapterChoice,
  aboutServer,
  BadKeys,
  FolderTaken,
  failureText,
  launch,
  otlpTraces,
  parseKeys,
  serverConfig,
  type ServerOptions,
  RolesText,
  usesDirectory
} from "@millrace/server"
import { Config, Console, Context, Effect, Layer, Option } from "effect"
import { Command, Flag } from "effect/cli"
import { HttpServer } from "effect/http"
import { CliFailure, WrongUsage } from "../CliFailure.ts"
import { fillDemo } from "../demo/fillDemo.ts"
import { tour } from "../demo/tour.ts"
import { styleOf } from "../render/Style.ts"
import { httpTarget } from "../target/Target.ts"
import { folderFailure, makeFolder } from "../target/folder.ts"

const flags = {
  port: Flag.Int("port").pipe(
    Flag.optional,
    Flag.withDescription("0 picks a free one (default: MILLRACE_PORT or PORT, else 4000)")
  ),
  host: Flag.String("host").pipe(
    Flag.optional,
    Flag.withDescription(
      "Address to listen on; anything but loopback needs API keys (default: MILLRACE_HOST, else 127.0.0.1)"
    )
  ),
  data: Flag.String("data").pipe(
    Flag.optional,
    Flag.withMetavar("DIR"),
    Flag.withDescription("The data folder, made when it is not there (default: MILLRACE_DATA, else ./data)")
  ),
  roles: Flag.String("roles").pipe(
    Flag.withSchema(RolesText),
    Flag.optional,
    Flag.withMetavar("ROLE,…"),
    Flag.withDescription("What this process does: ingest, worker, etl, stats (default: MILLRACE_ROLES, else all)")
  ),
  demo: Flag.Boolean("demo").pipe(
    Flag.withDefault(false),
    Flag.withDescription("Fill an empty folder with a generated demo shop, and print a tour")
  )
}

const MAX_PORT = 65_535

/** Flags win over the environment, the environment over defaults. */
const optionsOf = Effect.fnUntraced(function* (given: {
  readonly port: Option.Option<number>
  readonly host: Option.Option<string>
  readonly data: Option.Option<string>
  readonly roles: Option.Option<NonNullable<ServerOptions["roles"]>>
}) {
  const config = yield* serverConfig.pipe(Effect.mapError((error) => new WrongUsage({ message: failureText(error) })))
  const keys = yield* Effect.try({
    try: () => parseKeys(config.keys),
    catch: (error) => new WrongUsage({ message: error instanceof BadKeys ? error.message : String(error) })
  })
  const port = Option.getOrElse(given.port, () => config.port)
  if (port < 0 || port > MAX_PORT)
    return yield* new WrongUsage({ message: `--port ${port} is not between 0 and ${MAX_PORT}` })
  const options: ServerOptions = {
    ...config,
    keys,
    port,
    host: Option.getOrElse(given.host, () => config.host),
    directory: Option.getOrElse(given.data, () => config.directory),
    roles: Option.getOrElse(given.roles, () => config.roles)
  }
  return options
})

/** What the one who asks reads as the name of this program. */
const commandName = Config.String("MILLRACE_COMMAND").pipe(Config.withDefault("millrace"))

/** An address to call: a server that listens on every interface is reached on this machine's own. */
const urlOf = (address: HttpServer.HttpServer["Service"]["address"]): string =>
  HttpServer.formatAddress(address).replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")

/** Not the folder's fault: a setting, a package, or a server that the adapters speak to. */
const isElsewhere = ({ queue }: ServerOptions, error: unknown): boolean =>
  error instanceof BadAdapterChoice ||
  error instanceof AdapterNotInstalled ||
  error instanceof EventStoreError ||
  error instanceof KeyStoreError ||
  error instanceof AccountStoreError ||
  (queue !== "embedded" && error instanceof FolderTaken) ||
  (queue === "nats" && error instanceof EventQueueError)

const listenFailure = (options: ServerOptions, error: unknown): CliFailure => {
  if (error instanceof CliFailure) return error
  if (error instanceof EventQueueError && error.operation === "publish")
    return new CliFailure({ message: error.message })
  if (isElsewhere(options, error)) return new CliFailure({ message: failureText(error) })
  const text = error instanceof Error ? `${error.message} ${String(error.cause ?? "")}` : String(error)
  if (text.includes("EADDRINUSE")) {
    return new CliFailure({
      message: `port ${options.port} on ${options.host} is taken; choose another with --port, or 0 for any`
    })
  }
  if (error instanceof Error && error.message.startsWith("refusing")) return new CliFailure({ message: error.message })
  return text.includes("EACCES") || text.includes("EADDRNOTAVAIL")
    ? new CliFailure({ message: `cannot listen on ${options.host}:${options.port}: ${text.trim()}` })
    : folderFailure(options.directory, error)
}

const runServer = (options: ServerOptions, demo: boolean) =>
  Effect.gen(function* () {
    if (usesDirectory(options)) yield* makeFolder(options.directory)
    const announce = Effect.fnUntraced(function* (context: Context.Context<HttpServer.HttpServer | Access>) {
      const url = urlOf(Context.get(context, HttpServer.HttpServer).address)
      const access = Context.get(context, Access)
      yield* Console.log(`millrace listening on ${url} (${aboutServer(options, access)})`)
      if (demo) yield* showDemo(url, options, access)
    })
    return yield* Effect.mapError(launch(options, announce), (error) => listenFailure(options, error))
  })

const traces = Layer.orDie(otlpTraces)

const showDemo = Effect.fnUntraced(function* (url: string, options: ServerOptions, { keyed }: Access["Service"]) {
  if (keyed()) return yield* Console.error("--demo does nothing on a server with keys")
  const target = httpTarget({ url, key: undefined })
  const filled = yield* fillDemo(target, options.directory)
  const style = yield* Effect.sync(() => styleOf(process.stdout, process.env))
  const command = yield* commandName.pipe(Effect.orElseSucceed(() => "millrace"))
  yield* Console.log(["", ...(yield* tour(target, filled, command, style))].join("\n"))
})

export const serve = Command.make("serve", flags, (given) =>
  Effect.flatMap(optionsOf(given), (options) => runServer(options, given.demo).pipe(Effect.provide(traces)))
).pipe(
  Command.withDescription(
    "Serve the HTTP API over a data folder until SIGINT or SIGTERM; its address is printed on one line"
  )
)
