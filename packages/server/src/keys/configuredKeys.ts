import type { ApiKey, KeyScope } from "@millrace/core"
import { Schema } from "effect"
import { EXAMPLE_RULE, isExampleSecret } from "../adapters/failures.ts"
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto"

/** Keys of `MILLRACE_KEYS`, by {@link hashConfigured}. */
export type Keys = ReadonlyMap<string, ApiKey>

const SCOPES = ["write", "read", "admin"] as const satisfies ReadonlyArray<KeyScope>
const KEY_MIN_CHARACTERS = 16
const PROJECT = /^[\w-]{1,64}$/u

export const isProject = (text: string): boolean => PROJECT.test(text)

/** A key's text that cannot be used; the message never repeats the key. */
export class BadKeys extends Schema.TaggedError<BadKeys>()("BadKeys", { position: Schema.Int, reason: Schema.String }) {
  override get message(): string {
    return `MILLRACE_KEYS, entry ${this.position}: ${this.reason}; the form is project:scope:key, with scope write, read or admin`
  }
}

/** `project:scope:key,…` → keys by hash. Throws {@link BadKeys}. */
export const parseKeys = (text: string): Keys => {
  const entries = text.split(",").map((entry) => entry.trim())
  return new Map(entries.filter((entry) => entry !== "").map((entry, index) => parseKey(entry, index + 1)))
}

const parseKey = (entry: string, position: number): readonly [string, ApiKey] => {
  const [project_id = "", scope = "", ...rest] = entry.split(":")
  const key = rest.join(":")
  if (!isProject(project_id))
    throw new BadKeys({ position, reason: "the project must be 1–64 letters, digits, _ or -" })
  const known = SCOPES.find((name) => name === scope)
  if (known === undefined) throw new BadKeys({ position, reason: "the scope is not known" })
  if (key.length < KEY_MIN_CHARACTERS) {
    throw new BadKeys({ position, reason: `the key must have at least ${KEY_MIN_CHARACTERS} characters` })
  }
  if (isExampleSecret(key)) throw new BadKeys({ position, reason: `the key ${EXAMPLE_RULE}` })
  return [hashConfigured(key), { project_id, scope: known, prefix: key.slice(0, 4), origins: [] }]
}

/** These hashes live no longer than the process. */
const pepper = randomBytes(32)
const hashConfigured = (key: string): string => createHmac("sha256", pepper).update(key).digest("hex")

/** Looks at every key, whichever it is: the time tells nothing. */
export const findConfigured = (keys: Keys, key: string): ApiKey | undefined => {
  const wanted = Buffer.from(hashConfigured(key))
  let found: ApiKey | undefined
  for (const [hash, known] of keys) if (timingSafeEqual(Buffer.from(hash), wanted)) found = known
  return found
}
