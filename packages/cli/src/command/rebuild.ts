import { Aggregates } from "@millrace/core"
import { ownerText } from "@millrace/core/node"
import { FolderTaken, openWarehouse } from "@millrace/server"
import { Clock, Console, Context, Effect, Layer, Option } from "effect"
import { Command, Flag } from "effect/cli"
import { CliFailure } from "../CliFailure.ts"
import { folderFailure, requireFolder } from "../target/folder.ts"

const data = Flag.String("data").pipe(
  Flag.withDescription("The data folder of the warehouse; no server may have it open"),
  Flag.withMetavar("DIR")
)

const rebuildIn = (directory: string) =>
  Effect.gen(function* () {
    const opened = yield* Layer.build(openWarehouse({ directory, warehouse: "duckdb" }))
    const aggregates = Context.getOption(opened, Aggregates)
    if (Option.isNone(aggregates)) return yield* new CliFailure({ message: `${directory} keeps no aggregates` })
    yield* aggregates.value.rebuild
  }).pipe(
    Effect.scoped,
    Effect.mapError((error) => {
      if (error instanceof CliFailure) return error
      if (!(error instanceof FolderTaken)) return folderFailure(directory, error)
      return new CliFailure({
        message: `${directory} is owned by ${ownerText(error.owner)}: stop it first, then rebuild`
      })
    })
  )

/** A server works them out again by itself where they are missing; this is for when they were found wrong. */
export const rebuild = Command.make("rebuild", { data }, (flags) =>
  Effect.gen(function* () {
    yield* requireFolder(flags.data)
    const start = yield* Clock.currentTimeMillis
    yield* rebuildIn(flags.data)
    const seconds = ((yield* Clock.currentTimeMillis) - start) / 1000
    yield* Console.log(`aggregates of ${flags.data} rebuilt from its events in ${seconds.toFixed(1)} s`)
  })
).pipe(Command.withDescription("Work out a folder's aggregates again, from its events"))
