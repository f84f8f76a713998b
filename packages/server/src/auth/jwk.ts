import { Result, Schema } from "effect"
import { type CryptoKey, importJWK } from "jose"

/** Odd primes, beginning with 3, whose product divides what the broken generator's primes are built around. */
const PRIMES = [
  3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113,
  127, 131, 137, 139, 149, 151, 157, 163, 167
]

/** Powers of 65537 modulo each prime. */
const residues = PRIMES.map((prime) => {
  const powers = new Set<number>()
  for (let power = 1; !powers.has(power); power = (power * (65_537 % prime)) % prime) powers.add(power)
  return powers
})

/**
 * Was this RSA modulus made by the generator of CVE-2017-15361? Its primes are `k·M + (65537^a mod M)`, so that their
 * product is a power of 65537 modulo each small prime: by chance that holds for one modulus in about 10^8.
 */
const isRoca = (modulus: bigint): boolean =>
  PRIMES.every((prime, at) => residues[at]!.has(Number(modulus % BigInt(prime))))

/** A set of keys that cannot be used; the message never repeats a key. */
export class BadKeySet extends Error {
  override readonly name = "BadKeySet"
}

/** What each algorithm's key must be. Nothing else is ever verified or signed. */
const FORMS = {
  EdDSA: { kty: "OKP", crv: "Ed25519" },
  HS256: { kty: "oct", crv: undefined },
  ES256: { kty: "EC", crv: "P-256" },
  RS256: { kty: "RSA", crv: undefined },
  PS256: { kty: "RSA", crv: undefined }
} as const

type Algorithm = keyof typeof FORMS
export const allAlgorithms = ["EdDSA", "HS256", "ES256", "RS256", "PS256"] as const satisfies ReadonlyArray<Algorithm>

export interface PinnedKey {
  /** The only algorithm that this key is used with, whatever a token says. */
  readonly alg: Algorithm
  readonly key: CryptoKey | Uint8Array
}

/** By `kid`. */
export type KeySet = ReadonlyMap<string, PinnedKey>

const text = Schema.optionalKey(Schema.String)
const MAX_KEYS = 32
const Kid = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(256))
const Jwk = Schema.Struct({
  kty: Schema.String,
  kid: Kid,
  alg: Schema.String,
  use: text,
  key_ops: Schema.optionalKey(Schema.Array(Schema.String)),
  crv: text,
  x: text,
  y: text,
  n: text,
  e: text,
  k: text,
  d: text
})
type Jwk = typeof Jwk.Type
const JwkSet = Schema.Struct({
  keys: Schema.Array(Jwk).check(Schema.isMinLength(1), Schema.isMaxLength(MAX_KEYS))
})
const decode = Schema.decodeUnknownResult(JwkSet)

/** JSON of an RFC 7517 key set → its keys, each checked. Throws {@link BadKeySet}. */
export const readKeySet = (json: string, algorithms: ReadonlyArray<Algorithm>): ReadonlyArray<Jwk> => {
  let parsed: unknown
  try {
    parsed = JSON.parse(json)
  } catch {
    throw new BadKeySet("is not JSON")
  }
  const decoded = decode(parsed)
  if (Result.isFailure(decoded)) {
    throw new BadKeySet(`is not {"keys":[…]} of 1 to ${MAX_KEYS} keys, each with kty, kid and alg`)
  }
  const { keys } = decoded.success
  for (const [index, jwk] of keys.entries()) {
    const rule = ruleBroken(jwk, algorithms)
    if (rule !== undefined) throw new BadKeySet(`has a key that cannot be used: keys/${index} ${rule}`)
  }
  if (new Set(keys.map(({ kid }) => kid)).size < keys.length) throw new BadKeySet("has two keys of one kid")
  if (new Set(keys.map(({ kty }) => kty === "oct")).size > 1) {
    throw new BadKeySet("mixes secret with public keys, which invites to take one for the other")
  }
  return keys
}

const isAlgorithm = (alg: string): alg is Algorithm => Object.hasOwn(FORMS, alg)

const ruleBroken = (jwk: Jwk, algorithms: ReadonlyArray<Algorithm>): string | undefined => {
  const { alg, crv, key_ops, kty, use } = jwk
  if (!isAlgorithm(alg) || !algorithms.includes(alg)) return `must have alg ${algorithms.join(", ")}`
  if (kty !== FORMS[alg].kty || crv !== FORMS[alg].crv) return `has a kty or crv that is not of ${alg}`
  if (use !== undefined && use !== "sig") return "has a use other than sig"
  if (key_ops !== undefined && !key_ops.includes("verify")) return "has key_ops without verify"
  return weakness(jwk)
}

const HS256_MIN_BYTES = 32
const RSA_MIN_BITS = 2048
const RSA_MAX_BITS = 8192
const RSA_MIN_EXPONENT = 65_537n
const RSA_MAX_EXPONENT = 2n ** 32n

const bytesOf = (base64url: string | undefined) => Buffer.from(base64url ?? "", "base64url")
const numberOf = (base64url: string | undefined) => BigInt(`0x0${bytesOf(base64url).toString("hex")}`)

const weakness = ({ e, k, kty, n }: Jwk): string | undefined => {
  if (kty === "oct") return bytesOf(k).length < HS256_MIN_BYTES ? "must have at least 256 bits" : undefined
  if (kty !== "RSA") return undefined
  const [modulus, exponent] = [numberOf(n), numberOf(e)]
  const bits = modulus.toString(2).length
  if (bits < RSA_MIN_BITS || bits > RSA_MAX_BITS) return `must have ${RSA_MIN_BITS} to ${RSA_MAX_BITS} bits`
  if (exponent < RSA_MIN_EXPONENT || exponent > RSA_MAX_EXPONENT || exponent % 2n === 0n) return "has a weak exponent"
  return isRoca(modulus) ? "comes from a generator whose keys can be factored (ROCA)" : undefined
}

/** What verifies, without anything private. */
const PUBLIC = ["kty", "crv", "x", "y", "n", "e", "k"] as const

const pick = (jwk: Jwk, members: ReadonlyArray<keyof Jwk>) =>
  Object.fromEntries(members.filter((member) => jwk[member] !== undefined).map((member) => [member, jwk[member]]))

/** Throws {@link BadKeySet} for a point that is not on its curve, and the like. */
const importKey = async (jwk: Jwk, index: number, members: ReadonlyArray<keyof Jwk>): Promise<PinnedKey> => {
  try {
    return { alg: jwk.alg as Algorithm, key: await importJWK(pick(jwk, members), jwk.alg) }
  } catch {
    throw new BadKeySet(`has a key that cannot be used: keys/${index} is not one of ${jwk.alg}`)
  }
}

/** The keys that verify; see {@link readKeySet}. */
export const verifyingKeys = async (jwks: ReadonlyArray<Jwk>): Promise<KeySet> =>
  new Map(await Promise.all(jwks.map(async (jwk, index) => [jwk.kid, await importKey(jwk, index, PUBLIC)] as const)))

export interface SigningKey extends PinnedKey {
  readonly kid: string
}

/** The first key, which signs. Throws {@link BadKeySet} when it is a public one. */
export const signingKey = async ([first]: ReadonlyArray<Jwk>): Promise<SigningKey> => {
  const jwk = first!
  if ((jwk.kty === "oct" ? jwk.k : jwk.d) === undefined)
    throw new BadKeySet("has a public key first, which cannot sign")
  return { kid: jwk.kid, ...(await importKey(jwk, 0, [...PUBLIC, "d"])) }
}
