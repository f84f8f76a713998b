import { BackupAnswer } from "@millrace/core/wire"
import {
  AdapterNotInstalled,
  BackupError,
  BadAdapterChoice,
  failureText,
  type Manifest,
  restoreBackup,
  serverConfig,
  takeBackup
} from "@millrace/server"
import { Console, Effect, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { CliFailure, WrongUsage } from "../CliFailure.ts"
import { grouped } from "../render/table.ts"
import { openFolderServices, requireFolder } from "../target/folder.ts"
import { failureOf, httpTarget, sendLong, type Target } from "../target/Target.ts"
import { json, type Place, place, placeOf } from "./flags.ts"

const toFailure = (error: CliFailure | BackupError | BadAdapterChoice | AdapterNotInstalled) =>
  error instanceof CliFailure ? error : new CliFailure({ message: error.message })

const sizeOf = ({ files }: Manifest) => ({
  files: files.length,
  bytes: files.reduce((sum, file) => sum + file.bytes, 0)
})

const ofFolder = Effect.fnUntraced(function* (directory: string, target: string) {
  yield* requireFolder(directory)
  const services = yield* openFolderServices(directory)
  const manifest = yield* Effect.provideContext(takeBackup({ directory, target }), services)
  return { taken_at: manifest.taken_at, ...sizeOf(manifest) }
}, Effect.scoped)

const decodeAnswer = Schema.decodeUnknownEffect(Schema.fromJsonString(BackupAnswer))

const atServer = Effect.fnUntraced(function* (target: Target, name: string) {
  if (/[/\\]/u.test(name)) {
    return yield* new WrongUsage({
      message: "a server takes a name, not a path: it writes below its MILLRACE_BACKUP_DIR"
    })
  }
  const body = JSON.stringify({ name })
  const answer = yield* sendLong(target, { method: "POST", path: "/backups", body })
  if (answer.status !== 200) return yield* failureOf(target, answer)
  const { taken_at } = yield* Effect.mapError(decodeAnswer(answer.text), () => failureOf(target, answer))
  return { taken_at }
})

interface Taken {
  readonly taken_at: string
  readonly files?: number
  readonly bytes?: number
}

const backUp = (where: Place, dir: string): Effect.Effect<Taken, CliFailure | WrongUsage | BackupError> =>
  where._tag === "Folder" ? ofFolder(where.directory, dir) : atServer(httpTarget(where), dir)

const render = (dir: string, { bytes, files, taken_at }: Taken) =>
  `${dir}: everything acknowledged before ${taken_at}` +
  (files === undefined || bytes === undefined ? "" : `, ${grouped(files)} files, ${grouped(bytes)} bytes`)

const dir = Argument.String("dir").pipe(
  Argument.withDescription("With --data a new or empty folder; at a server a name in its MILLRACE_BACKUP_DIR")
)

export const backup = Command.make("backup", { dir, json, ...place }, (flags) =>
  Effect.gen(function* () {
    const taken = yield* backUp(yield* placeOf(flags), flags.dir)
    yield* Console.log(flags.json ? JSON.stringify(taken) : render(flags.dir, taken))
  }).pipe(Effect.mapError((error) => (error instanceof WrongUsage ? error : toFailure(error))))
).pipe(Command.withDescription("Copy everything, consistently, while events are accepted"))

const data = Flag.String("data").pipe(
  Flag.withDescription("The data folder to be: absent, or empty"),
  Flag.withMetavar("DIR")
)

const source = Argument.String("dir").pipe(Argument.withDescription("A backup"))

export const restore = Command.make("restore", { dir: source, data, json }, (flags) =>
  Effect.gen(function* () {
    // Where the systems on servers are, is said as the server is told it.
    const { nats, natsUrl, postgresUrl } = yield* Effect.mapError(
      serverConfig,
      (error) => new WrongUsage({ message: failureText(error) })
    )
    const places = { nats, natsUrl, postgresUrl }
    const restoring = restoreBackup({ ...places, backup: flags.dir, directory: flags.data })
    const manifest = yield* Effect.mapError(restoring, toFailure)
    const restored = { taken_at: manifest.taken_at, ...sizeOf(manifest) }
    const { bytes, files, taken_at } = restored
    yield* Console.log(
      flags.json
        ? JSON.stringify(restored)
        : `${flags.data}: as of ${taken_at}, ${grouped(files)} files, ${grouped(bytes)} bytes, each as it was backed up`
    )
  })
).pipe(
  Command.withDescription(
    "Check a backup, and put it back: into a data folder, and into what MILLRACE_POSTGRES_URL and MILLRACE_NATS_URL name"
  )
)
