import type { ChildProcess } from "node:child_process"
import { randomUUID } from "node:crypto"
import { appendFileSync, mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"

const SECRET_NAME = /PASSWORD|PEPPER|SECRET|TOKEN/u

/** What a server was given and must never write: keys, passwords of addresses, and whatever its variable's name calls secret. */
export const secretsIn = (environment: Readonly<Record<string, string>>): ReadonlyArray<string> =>
  Object.entries(environment).flatMap(([name, value]) => {
    if (name === "MILLRACE_KEYS") return value.split(",").map((key) => key.split(":")[2] ?? "")
    if (SECRET_NAME.test(name)) return [value]
    return URL.canParse(value) ? [decodeURIComponent(new URL(value).password)] : []
  })

/** Shorter ones are found by chance. */
const SECRET_MIN_CHARACTERS = 6

/**
 * Keeps all that a server under test writes, in the folder that `MILLRACE_SUITE_LOGS` names, together with the secrets that it
 * was given: once the suite has run, `scripts/searchLogs.mjs` looks for them there. Does nothing where no folder is named.
 */
export const keepLog = (child: ChildProcess, environment: Readonly<Record<string, string>>): void => {
  const folder = process.env["MILLRACE_SUITE_LOGS"]
  if (folder === undefined) return
  mkdirSync(folder, { recursive: true })
  const path = join(folder, randomUUID())
  const secrets = secretsIn(environment).filter(({ length }) => length >= SECRET_MIN_CHARACTERS)
  writeFileSync(`${path}.secrets.json`, JSON.stringify(secrets))
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk: Buffer) => appendFileSync(`${path}.log`, chunk))
  }
}
