import crypto, { randomBytes, timingSafeEqual } from "node:crypto"

/** Argon2id's costs. */
export interface Argon2Costs {
  readonly memoryKibibytes: number
  readonly passes: number
  readonly parallelism: number
}

/** The second of OWASP's equivalent choices: 19 MiB, two passes. */
export const argon2Costs: Argon2Costs = { memoryKibibytes: 19_456, passes: 2, parallelism: 1 }

const SALT_BYTES = 16
const TAG_BYTES = 32

export const MIN_PASSWORD_CHARACTERS = 12
export const MAX_PASSWORD_CHARACTERS = 256

export interface PasswordHash extends Argon2Costs {
  readonly salt: Uint8Array
  readonly tag: Uint8Array
}

const b64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64").replace(/=+$/u, "")

/** A PHC string: `$argon2id$v=19$m=19456,t=2,p=1$<salt>$<tag>`. */
export const formatHash = ({ memoryKibibytes, parallelism, passes, salt, tag }: PasswordHash): string =>
  `$argon2id$v=19$m=${memoryKibibytes},t=${passes},p=${parallelism}$${b64(salt)}$${b64(tag)}`

const PHC = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,2}),p=(\d{1,2})\$([\w+/]{11,86})\$([\w+/]{22,86})$/u

/** `undefined` for anything else, also for costs that would be a lever on this machine. */
export const parseHash = (text: string): PasswordHash | undefined => {
  const [, m, t, p, salt = "", tag = ""] = PHC.exec(text) ?? []
  const costs = { memoryKibibytes: Number(m), passes: Number(t), parallelism: Number(p) }
  const fits =
    costs.parallelism >= 1 &&
    costs.passes >= 1 &&
    costs.memoryKibibytes >= 8 * costs.parallelism &&
    costs.memoryKibibytes * costs.passes <= MAX_WORK_KIBIBYTES
  return fits ? { ...costs, salt: Buffer.from(salt, "base64"), tag: Buffer.from(tag, "base64") } : undefined
}

/** 16 times of what a hash costs by default. */
const MAX_WORK_KIBIBYTES = 16 * 19_456 * 2

/** Computes a tag away from the event loop, on one of libuv's threads. */
export type Argon2 = (password: Uint8Array, hash: Omit<PasswordHash, "tag">, tagBytes: number) => Promise<Uint8Array>

export const nodeArgon2: Argon2 = (message, { memoryKibibytes, parallelism, passes, salt }, tagLength) =>
  new Promise((resolve, reject) => {
    const parameters = { message, nonce: salt, parallelism, tagLength, memory: memoryKibibytes, passes }
    crypto.argon2("argon2id", parameters, (error, tag) => (error === null ? resolve(tag) : reject(error)))
  })

export const addonArgon2: Argon2 = async (message, { memoryKibibytes, parallelism, passes, salt }, outputLen) => {
  const { hashRaw } = await import("@node-rs/argon2")
  const costs = { memoryCost: memoryKibibytes, timeCost: passes, parallelism }
  // Argon2id is its default; the enumeration that would say so exists for the compiler alone.
  return hashRaw(message, { ...costs, salt, outputLen })
}

/** Node has it from 24.7 on. */
export const argon2: Argon2 = typeof crypto.argon2 === "function" ? nodeArgon2 : addonArgon2

/** One spelling for what looks the same on every keyboard. */
const bytesOf = (password: string) => Buffer.from(password.normalize("NFKC"))

export const hashPassword = async (password: string, costs: Argon2Costs = argon2Costs): Promise<string> => {
  const salted = { ...costs, salt: randomBytes(SALT_BYTES) }
  return formatHash({ ...salted, tag: await argon2(bytesOf(password), salted, TAG_BYTES) })
}

export const isPassword = async (password: string, hash: PasswordHash): Promise<boolean> =>
  timingSafeEqual(await argon2(bytesOf(password), hash, hash.tag.length), hash.tag)

/** A hash that no password has, at today's costs: for accounts that are not there, so that they cost the same. */
export const nobodysHash = (): PasswordHash => ({
  ...argon2Costs,
  salt: randomBytes(SALT_BYTES),
  tag: randomBytes(TAG_BYTES)
})

/** Was it made with other costs than today's? */
export const isStale = (hash: PasswordHash): boolean =>
  hash.memoryKibibytes !== argon2Costs.memoryKibibytes ||
  hash.passes !== argon2Costs.passes ||
  hash.parallelism !== argon2Costs.parallelism
