import { describe, expect, it } from "vitest"
import { allAlgorithms, BadKeySet, type KeySet, readKeySet, verifyingKeys } from "../src/auth/jwk.ts"
import { verifyJws } from "../src/auth/verifyJws.ts"
import { vectorJson, vectorsAreHere } from "./support/vectors.ts"

interface Vector {
  readonly tcId: number
  readonly comment: string
  readonly result: "valid" | "invalid"
  readonly jws?: string
  readonly jwe?: string
}

interface Key {
  readonly alg?: string
  readonly kid?: string
}
type Keys = Key & { readonly keys?: ReadonlyArray<Key> }

interface Group {
  readonly comment: string
  readonly private?: Keys
  readonly public?: Keys
  readonly tests: ReadonlyArray<Vector>
}

const groupsOf = (name: string) =>
  (vectorJson(`wycheproof/testvectors_v1/json_web_${name}_test.json`) as { testGroups: ReadonlyArray<Group> })
    .testGroups

const keysOf = (group: Group): ReadonlyArray<Key> => {
  const jwk = group.public ?? group.private ?? {}
  return jwk.keys ?? [jwk]
}

/** The verifier's keys as we would load them; empty where our policy refuses the set. */
const load = async (group: Group): Promise<KeySet> => {
  try {
    return await verifyingKeys(readKeySet(JSON.stringify({ keys: keysOf(group) }), allAlgorithms))
  } catch (error) {
    if (error instanceof BadKeySet) return new Map()
    throw error
  }
}

/** Their MAC is right once characters that base64url does not have are thrown away; RFC 7515 has nobody do that. */
const LENIENT = new Set(["InvalidCharacterInsertedInHeader", "InvalidCharacterInsertedInPayload"])

const headerOf = (jws: string): Key => JSON.parse(Buffer.from(jws.split(".")[0]!, "base64url").toString())

/** Two of the invalid ones are byte for byte a valid one of their group: the padding that they are about was lost. */
const isValid = (group: Group, { jws }: Vector) =>
  group.tests.some((other) => other.result === "valid" && other.jws === jws && !LENIENT.has(other.comment))

/** What is right in the vectors' own words, under a key of an algorithm that we take, and labelled with that one. */
const shouldPass = (group: Group, vector: Vector): boolean => {
  const { jws } = vector
  if (jws === undefined || !isValid(group, vector)) return false
  const { alg, kid } = headerOf(jws)
  return allAlgorithms.some((known) => known === alg) && keysOf(group).some((key) => key.kid === kid && key.alg === alg)
}

describe.skipIf(!vectorsAreHere)("Wycheproof", () => {
  it.each([
    ["signature", 401, 26],
    ["key", 26, 3],
    ["crypto", 83, 4],
    ["encryption", 139, 0]
  ])("every JSON web %s vector is judged as it says: %i of them, %i accepted", async (name, all, valid) => {
    const outcomes = { judged: 0, accepted: 0 }
    for (const group of groupsOf(name)) {
      const keys = await load(group)
      for (const vector of group.tests) {
        const token = vector.jws ?? vector.jwe ?? ""
        const verified = await verifyJws(token, keys)
        const where = `${group.comment} ${vector.tcId} ${vector.comment}`
        const payload = verified === undefined ? undefined : Buffer.from(verified.payload).toString("base64url")
        expect([where, payload]).toEqual([where, shouldPass(group, vector) ? token.split(".")[1] : undefined])
        outcomes.judged++
        if (verified !== undefined) outcomes.accepted++
      }
    }
    expect(outcomes).toEqual({ judged: all, accepted: valid })
  })
})
