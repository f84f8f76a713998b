import { Contract } from "@millrace/core/wire"
import { HttpApi } from "effect/http-api"
import { exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from "jose"
import { createPublicKey } from "node:crypto"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { bearer, eventually, forge, login, newAccounts, partsOf } from "./support/accounts.ts"
import { problemOf, reply, type TestServer } from "./support/server.ts"

/** Every route that a viewer or an admin may ask. */
const routes: Array<{ readonly method: string; readonly path: string }> = []
HttpApi.reflect(Contract, {
  onGroup: () => {},
  onEndpoint: ({ endpoint, middleware }) => {
    if (middleware.size > 0) routes.push({ method: endpoint.method, path: endpoint.path })
  }
})

const QUERY = "?from=2026-01-01&to=2026-01-01&start_date=2026-01-01"

const ask = async (server: TestServer, token: string, { method, path }: (typeof routes)[number]) => {
  if (method === "GET") return server.get(`${path}${QUERY}`, bearer(token))
  if (method === "DELETE") return reply(await fetch(`${server.url}${path}`, { method, headers: bearer(token) }))
  return server.post({ ids: "all", metric: "dau" }, bearer(token), path)
}

/** The routes that do not refuse it as no session of ours; there shall be none. */
const takenBy = async (server: TestServer, token: string): Promise<ReadonlyArray<unknown>> => {
  const answers = await Promise.all(
    routes.map(async (route) => ({ path: route.path, problem: problemOf(await ask(server, token, route)) }))
  )
  return answers.filter(({ problem }) => String(problem) !== "401,unauthenticated")
}

const isGood = async (server: TestServer, token: string) => (await server.get("/ledger", bearer(token))).status === 200

const accounts = newAccounts()
const file = (name: string) => join(accounts.places.directory, name)
const now = () => Math.floor(Date.now() / 1000)
afterAll(() => accounts.close())

it("there are routes to try", () => {
  expect(routes.length).toBeGreaterThan(13)
  expect(routes).toContainEqual({ method: "GET", path: "/stats/dau" })
})

describe("tokens of a generated key", () => {
  let server: TestServer
  let good: { access_token: string; refresh_token: string }
  let secret: Buffer
  beforeAll(async () => {
    await accounts.create("ada@shop.example", { shop: "viewer" })
    await accounts.create("eve@blog.example", { blog: "viewer" })
    server = await accounts.open()
    good = (await login(server, "ada@shop.example")).body
    secret = Buffer.from(readFileSync(file("keys/session-key"), "utf8"), "hex")
  })

  const parts = () => partsOf(good.access_token)
  /** Signed with the real key, so that nothing but the change can refuse it. */
  const withClaims = (over: Record<string, unknown>) => forge(parts().header, { ...parts().claims, ...over }, secret)
  const withHeader = (over: Record<string, unknown>, key: Uint8Array | string | null = secret) =>
    forge({ ...parts().header, ...over }, parts().claims, key)

  it("the forger's own signature is right: only then do the refusals below say anything", async () => {
    expect(await isGood(server, withClaims({}))).toBe(true)
    expect(await isGood(server, withHeader({}))).toBe(true)
  })

  it.each(["none", "None", "NONE", "nOnE", "", "HS384", "HS512", "RS256", "EdDSA", "hs256"])(
    "alg %j is refused, signed or not",
    async (alg) => {
      for (const key of [secret, null]) expect(await takenBy(server, withHeader({ alg }, key))).toEqual([])
    }
  )

  it.each([
    "../../keys/session-key",
    "/dev/null",
    "' UNION SELECT 'x' --",
    "__proto__",
    "constructor",
    "toString",
    "",
    ["a"],
    null,
    0,
    "\u0000",
    "http://127.0.0.1/keys.json"
  ])("kid %j names no key", async (kid) => {
    for (const key of ["", "x", secret]) expect(await takenBy(server, withHeader({ kid }, key))).toEqual([])
  })

  it.each([
    ["expired", () => ({ exp: now() - 60, iat: now() - 120, nbf: now() - 120 })],
    ["without an end", () => ({ exp: undefined })],
    ["of an end that is text", () => ({ exp: "9999999999" })],
    ["of too long a life", () => ({ exp: now() + 86_400 })],
    ["not yet valid", () => ({ nbf: now() + 300 })],
    ["issued in the future", () => ({ iat: now() + 300 })],
    ["for another audience", () => ({ aud: "urn:other" })],
    ["for several audiences", () => ({ aud: ["urn:millrace:api", "urn:other"] })],
    ["without an audience", () => ({ aud: undefined })],
    ["of another issuer", () => ({ iss: "https://issuer.example" })],
    ["of no issuer", () => ({ iss: undefined })],
    ["of nobody", () => ({ sub: "" })],
    ["of no session", () => ({ sid: undefined })],
    ["of a session that is not there", () => ({ sid: "0".repeat(64) })],
    ["of a session by a path", () => ({ sid: "../sessions" })],
    ["of another's session", () => ({ sub: "00000000-0000-4000-8000-000000000001" })]
  ])("%s is refused, though signed with the real key", async (_, over) => {
    expect(await takenBy(server, withClaims(over()))).toEqual([])
  })

  it.each([
    { typ: "JWT" },
    { typ: undefined },
    { typ: "refresh+jwt" },
    { crit: ["exp"] },
    { crit: ["b64"], b64: false }
  ])("a header with %j is refused, though signed with the real key", async (over) => {
    expect(await takenBy(server, withHeader(over))).toEqual([])
  })

  it("changed roles, users or signatures are refused, and so is every other text", async () => {
    const [header = "", claims = "", signature = ""] = good.access_token.split(".")
    const tampered = Buffer.from(JSON.stringify({ ...parts().claims, roles: { shop: "admin" }, sub: "root" }))
    const flipped = (signature.startsWith("A") ? "B" : "A") + signature.slice(1)
    for (const token of [
      `${header}.${tampered.toString("base64url")}.${signature}`,
      `${header}.${claims}.${flipped}`,
      `${header}.${claims}.`,
      `${header}.${claims}`,
      `${header}.${claims}.${signature}.${signature}`,
      `${header}.${claims}.${signature}=`,
      withHeader({}, "another key of thirty-two bytes!"),
      good.refresh_token,
      "a.b.c",
      `${"a".repeat(8_200)}.b.c`
    ]) {
      expect(await takenBy(server, token)).toEqual([])
    }
    expect(await isGood(server, good.access_token)).toBe(true)
  })

  it("roles in a token say nothing: the account has them", async () => {
    const token = withClaims({
      roles: { shop: "admin", blog: "admin" },
      grants: [{ project_id: "blog", role: "admin" }]
    })
    expect(await isGood(server, token)).toBe(true)
    expect((await server.get("/dead-letters", bearer(token))).status).toBe(403)
    expect((await server.get("/ledger", { ...bearer(token), "millrace-project": "blog" })).status).toBe(403)
  })
})

describe("tokens of configured keys", () => {
  let jwks: ReadonlyArray<JWK>
  const keysFile = file("signing.json")
  const write = (keys: ReadonlyArray<JWK>) => writeFileSync(keysFile, JSON.stringify({ keys }))
  beforeAll(async () => {
    jwks = await Promise.all(
      ["first", "second"].map(async (kid) => {
        const { privateKey } = await generateKeyPair("EdDSA", { extractable: true })
        return { ...(await exportJWK(privateKey)), kid, alg: "EdDSA", use: "sig" }
      })
    )
  })

  it("key confusion: the public key as an HMAC secret, in whatever form, signs nothing", async () => {
    write(jwks)
    const server = await accounts.open({}, { keysFile })
    const { access_token } = (await login(server, "ada@shop.example")).body
    const { claims, header } = partsOf(access_token)
    expect(header).toMatchObject({ alg: "EdDSA", kid: "first" })
    expect(await isGood(server, access_token)).toBe(true)
    const { d: _private, ...jwk } = jwks[0]!
    const key = createPublicKey({ key: { ...jwk } as import("node:crypto").JsonWebKey, format: "jwk" })
    const forms: ReadonlyArray<Uint8Array | string> = [
      Buffer.from(jwk.x!, "base64url"),
      jwk.x!,
      JSON.stringify(jwk),
      key.export({ type: "spki", format: "pem" }),
      key.export({ type: "spki", format: "der" }),
      ""
    ]
    for (const form of forms) {
      expect(await takenBy(server, forge({ ...header, alg: "HS256" }, claims, form))).toEqual([])
      expect(
        await takenBy(server, forge({ ...header, alg: "HS256", jwk: { kty: "oct", k: "eA" } }, claims, form))
      ).toEqual([])
    }
  })

  it("a key in the token counts for nothing", async () => {
    write(jwks)
    const server = await accounts.open({}, { keysFile })
    const { claims, header } = partsOf((await login(server, "ada@shop.example")).body.access_token)
    const { privateKey, publicKey } = await generateKeyPair("EdDSA", { extractable: true })
    const jwk = await exportJWK(publicKey)
    const token = await new SignJWT(claims).setProtectedHeader({ ...header, alg: "EdDSA", jwk }).sign(privateKey)
    expect(await takenBy(server, token)).toEqual([])
  })

  it("rotation: a new first key signs, the old one's tokens are good until it goes; no restart", async () => {
    write([jwks[0]!])
    const server = await accounts.open({}, { keysFile })
    const tokens = async () => (await login(server, "ada@shop.example")).body
    const kidOf = async () => partsOf((await tokens()).access_token).header.kid as string
    const old = (await tokens()).access_token
    expect(await kidOf()).toBe("first")
    write([jwks[1]!, jwks[0]!])
    await eventually(async () => (await kidOf()) === "second")
    expect(await isGood(server, old)).toBe(true)
    write([jwks[1]!])
    await eventually(async () => (await server.get("/ledger", bearer(old))).status === 401)
    expect(await takenBy(server, old)).toEqual([])
    const fresh = (await tokens()).access_token
    // A file that cannot be used changes nothing.
    writeFileSync(keysFile, "{")
    expect(await isGood(server, fresh)).toBe(true)
    const secretFor = await importJWK(jwks[0]!, "EdDSA")
    const revived = new SignJWT(partsOf(fresh).claims).setProtectedHeader({
      alg: "EdDSA",
      kid: "second",
      typ: "at+jwt"
    })
    expect(await takenBy(server, await revived.sign(secretFor))).toEqual([])
  })
})
