import { Effect, Redacted } from "effect"
import { randomBytes } from "node:crypto"
import { closeSync, fsyncSync, linkSync, mkdirSync, openSync, readFileSync, unlinkSync, writeSync } from "node:fs"
import { dirname } from "node:path"
import { BadAdapterChoice, EXAMPLE_RULE, isExampleSecret } from "../adapters/failures.ts"
const SECRET_BYTES = 32
const MIN_CHARACTERS = 32
const MODE = 0o600

export const PEPPER_SETTING = "MILLRACE_KEY_PEPPER"

/** The secret that key hashes need besides the key: whoever has only the store's data cannot even test a guess. */
export const configuredPepper = (text: Redacted.Redacted): Effect.Effect<Uint8Array, BadAdapterChoice> =>
  Effect.suspend(() => {
    const secret = Redacted.value(text)
    const rule =
      secret.length < MIN_CHARACTERS
        ? `must have at least ${MIN_CHARACTERS} characters`
        : isExampleSecret(secret)
          ? EXAMPLE_RULE
          : undefined
    return rule === undefined
      ? Effect.succeed(new TextEncoder().encode(secret))
      : Effect.fail(new BadAdapterChoice({ setting: PEPPER_SETTING, rule }))
  })

/** 256 bits, made by whoever asks first; several processes may ask at once, and all get the same. */
export const secretFile = (path: string, insteadOf: string): Effect.Effect<Uint8Array, BadAdapterChoice> => {
  let known: Uint8Array | undefined
  return Effect.try({
    try: () => (known ??= new Uint8Array(Buffer.from(readOrMake(path), "hex"))),
    catch: () => new BadAdapterChoice({ setting: insteadOf, rule: `is not set, and ${path} cannot be used instead` })
  })
}

const readOrMake = (path: string): string => {
  const found = readSecret(path)
  if (found !== undefined) return found
  mkdirSync(dirname(path), { recursive: true })
  const own = `${path}.${process.pid}.${randomBytes(4).toString("hex")}`
  const file = openSync(own, "wx", MODE)
  writeSync(file, randomBytes(SECRET_BYTES).toString("hex"))
  fsyncSync(file)
  closeSync(file)
  try {
    // A link fails where a rename would replace what another process has made meanwhile.
    linkSync(own, path)
  } catch (error) {
    if (!isCode(error, "EEXIST")) throw error
  } finally {
    unlinkSync(own)
  }
  return readSecret(path)!
}

const readSecret = (path: string): string | undefined => {
  try {
    const text = readFileSync(path, "utf8")
    if (!/^[0-9a-f]{64}$/u.test(text)) throw new Error("not such a secret")
    return text
  } catch (error) {
    if (isCode(error, "ENOENT")) return undefined
    throw error
  }
}

const isCode = (error: unknown, code: string) => error instanceof Error && "code" in error && error.code === code
