import { MAX_PASSWORD_CHARACTERS, MIN_PASSWORD_CHARACTERS } from "@millrace/server"
import { Effect, Redacted } from "effect"
import { Prompt } from "effect/cli"
import { CliFailure, WrongUsage } from "./CliFailure.ts"

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

/** A new password: asked for twice at a terminal, without an echo; else all of standard input, without its line end. Never an argument, which other users of the machine could see. */
export const readPassword = Effect.gen(function* () {
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
