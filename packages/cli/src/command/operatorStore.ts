import { failureText, type KeyPlaces, serverConfig } from "@millrace/server"
import { Effect, Layer, Option } from "effect"
import { Flag } from "effect/cli"
import { CliFailure, WrongUsage } from "../CliFailure.ts"

/** Folder of keys and accounts. */
export const data = Flag.String("data").pipe(
  Flag.optional,
  Flag.withMetavar("DIR"),
  Flag.withDescription("The server's data folder, also while it runs (default: MILLRACE_DATA, else ./data)")
)

/** Over the server's own store, by the server's own configuration. */
export const withStore = Effect.fnUntraced(function* <A, Services, E>(
  directory: Option.Option<string>,
  layerOf: (places: KeyPlaces) => Layer.Layer<Services, E>,
  body: Effect.Effect<A, unknown, Services>
) {
  const config = yield* serverConfig.pipe(Effect.mapError((error) => new WrongUsage({ message: failureText(error) })))
  const places = { ...config, directory: Option.getOrElse(directory, () => config.directory) }
  return yield* body.pipe(
    Effect.provide(Layer.fresh(layerOf(places))),
    Effect.mapError((error) => (error instanceof CliFailure || error instanceof WrongUsage ? error : failed(error)))
  )
})

const failed = (error: unknown) => new CliFailure({ message: failureText(error) })

/** UTC microseconds as people read them. */
export const instant = (micros: number): string => new Date(micros / 1000).toISOString()
