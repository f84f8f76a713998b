import { Schema } from "effect"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { parse } from "yaml"

export const ROOT = fileURLToPath(new URL("../../../../", import.meta.url))
export const read = (path: string): string => readFileSync(`${ROOT}${path}`, "utf8")

/** `NAME=value` lines, as docker compose reads them from `.env`. */
export const readEnv = (text: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    text
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)])
  )

/** As an operator leaves it: every secret changed. */
export const withSecrets = (env: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(env).map(([name, value]) => [name, value.replaceAll("change-me", "a4f90c21d7e35b86")])
  )

/** `${NAME}`, `${NAME:-default}` and `${NAME:?message}`, in every string; `$$` is a dollar. Throws the message. */
export const interpolate = <A>(value: A, env: Readonly<Record<string, string>>): A => {
  if (typeof value === "string") return interpolateText(value, env) as A
  if (Array.isArray(value)) return value.map((item: unknown) => interpolate(item, env)) as A
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, interpolate(inner, env)])) as A
}

const interpolateText = (text: string, env: Readonly<Record<string, string>>) =>
  text.replaceAll(/\$(?:\$|\{(\w+)(?::([-?])([^}]*))?\})/gu, (whole, name: string | undefined, operator, rest) => {
    if (name === undefined) {
      if (whole === "$$") return "$"
      throw new Error(`${whole} is no interpolation`)
    }
    const set = env[name] ?? ""
    if (set !== "" || operator === undefined) return set
    if (operator === "-") return String(rest)
    throw new Error(`${name}: ${String(rest)}`)
  })

const duration = Schema.String.check(Schema.isPattern(/^(?:\d+h)?(?:\d+m)?(?:\d+s)?$/u))
const strings = Schema.Array(Schema.String)
const optional = <S extends Schema.Top>(schema: S) => Schema.optionalKey(schema)

const Healthcheck = Schema.Struct({
  test: Schema.TupleWithRest(Schema.Tuple([Schema.Literal("CMD")]), [Schema.String]),
  interval: duration,
  timeout: duration,
  retries: Schema.Int,
  start_period: optional(duration)
})

/** What docker-compose.yml uses of a service, and nothing else: a misspelt key is refused, as compose does. */
const Service = Schema.Struct({
  image: Schema.String,
  build: optional(Schema.String),
  profiles: Schema.NonEmptyArray(Schema.Literals(["standard", "direct"])),
  init: optional(Schema.Literal(true)),
  command: optional(strings),
  environment: optional(Schema.Record(Schema.String, Schema.String)),
  ports: optional(strings),
  volumes: optional(strings),
  tmpfs: optional(strings),
  shm_size: optional(Schema.String),
  read_only: Schema.Literal(true),
  cap_drop: optional(Schema.Tuple([Schema.Literal("ALL")])),
  security_opt: Schema.Tuple([Schema.Literal("no-new-privileges:true")]),
  restart: Schema.Literal("unless-stopped"),
  logging: Schema.Struct({
    driver: Schema.Literal("json-file"),
    options: Schema.Struct({ "max-size": Schema.String, "max-file": Schema.String })
  }),
  stop_grace_period: optional(duration),
  healthcheck: Healthcheck,
  depends_on: optional(Schema.Record(Schema.String, Schema.Struct({ condition: Schema.Literal("service_healthy") })))
})
export type Service = typeof Service.Type

const Compose = Schema.Struct({
  name: Schema.String,
  services: Schema.Record(Schema.String, Service),
  volumes: Schema.Record(Schema.String, Schema.Null)
})
export type Compose = typeof Compose.Type

/** The file as compose sees it: merged, interpolated, its `x-` parts gone. Throws what is wrong with it. */
export const readCompose = (text: string, env: Readonly<Record<string, string>>): Compose => {
  const document = parse(text, { merge: true, uniqueKeys: true }) as Record<string, unknown>
  const parts = Object.entries(document).filter(([key]) => !key.startsWith("x-"))
  return Schema.decodeUnknownSync(Compose, { onExcessProperty: "error" })(interpolate(Object.fromEntries(parts), env))
}
