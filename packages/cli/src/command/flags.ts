import { Config, Effect, Option } from "effect"
import { Flag } from "effect/cli"
import { WrongUsage } from "../CliFailure.ts"

const DEFAULT_URL = "http://127.0.0.1:4000"

export const json = Flag.Boolean("json").pipe(Flag.withDefault(false), Flag.withDescription("Print the answer as JSON"))

/** Flags that say where the events are: a running server, or a folder that no server has open. */
export const place = {
  url: Flag.String("url").pipe(
    Flag.optional,
    Flag.withDescription(`A running server (default: MILLRACE_URL, else ${DEFAULT_URL})`),
    Flag.withMetavar("URL")
  ),
  data: Flag.String("data").pipe(
    Flag.optional,
    Flag.withDescription("A data folder, opened by this command itself; no server may have it open"),
    Flag.withMetavar("DIR")
  ),
  key: Flag.String("key").pipe(
    Flag.optional,
    Flag.withDescription("API key for --url (default: MILLRACE_KEY)"),
    Flag.withMetavar("KEY")
  )
}

export interface PlaceFlags {
  readonly url: Option.Option<string>
  readonly data: Option.Option<string>
  readonly key: Option.Option<string>
}

export type Place =
  | { readonly _tag: "Folder"; readonly directory: string }
  | { readonly _tag: "Server"; readonly url: string; readonly key: string | undefined }

const environment = Config.all({
  url: Config.String("MILLRACE_URL").pipe(Config.withDefault(DEFAULT_URL)),
  key: Config.option(Config.String("MILLRACE_KEY"))
})

export const placeOf = Effect.fnUntraced(function* ({
  data,
  key,
  url
}: PlaceFlags): Effect.fn.Return<Place, WrongUsage> {
  if (Option.isSome(data) && Option.isSome(url)) {
    return yield* new WrongUsage({ message: "give --url or --data, not both" })
  }
  if (Option.isSome(data)) return { _tag: "Folder", directory: data.value } satisfies Place
  const { key: configuredKey, url: configuredUrl } = yield* environment.pipe(
    Effect.mapError((error) => new WrongUsage({ message: error.message }))
  )
  const base = Option.getOrElse(url, () => configuredUrl)
  if (!URL.canParse(base) || !/^https?:$/u.test(new URL(base).protocol)) {
    return yield* new WrongUsage({ message: `--url ${base} is not an http or https address, like ${DEFAULT_URL}` })
  }
  const found = Option.getOrUndefined(Option.orElse(key, () => configuredKey))
  return { _tag: "Server", url: base.replace(/\/+$/u, ""), key: found } satisfies Place
})
