import { exportJWK, generateKeyPair, type JWK, SignJWT } from "jose"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { BadAdapterChoice } from "../src/adapters/failures.ts"
import type { AuthOptions } from "../src/auth/config.ts"
import { bearer, eventually, forge, newAccounts } from "./support/accounts.ts"
import { problemOf, type TestServer } from "./support/server.ts"

const accounts = newAccounts()
const keysFile = join(accounts.places.directory, "issuer.json")
const issuer: Partial<AuthOptions> = {
  issuer: "https://issuer.example/",
  issuerAudience: "millrace-dashboard",
  issuerKeysFile: keysFile,
  issuerRolesClaim: "/resource_access/millrace/roles"
}

type Pair = Awaited<ReturnType<typeof generateKeyPair>>
const pairs: Record<string, Pair> = {}
const jwks: Record<string, JWK> = {}
const write = (kids: ReadonlyArray<string>) =>
  writeFileSync(keysFile, JSON.stringify({ keys: kids.map((kid) => jwks[kid]) }))

let server: TestServer
beforeAll(async () => {
  for (const alg of ["EdDSA", "ES256", "RS256", "PS256"]) {
    pairs[alg] = await generateKeyPair(alg, { extractable: true })
    jwks[alg] = { ...(await exportJWK(pairs[alg].publicKey)), kid: alg, alg, x5t: "more" }
  }
  write(["EdDSA", "ES256", "RS256", "PS256"])
  server = await accounts.open({}, issuer)
})
afterAll(() => accounts.close())

const now = () => Math.floor(Date.now() / 1000)
const claims = () => ({
  iss: "https://issuer.example/",
  aud: ["account", "millrace-dashboard"],
  sub: "ada",
  exp: now() + 300,
  resource_access: { millrace: { roles: ["shop:viewer", "offline_access", "blog:owner", "a b:admin"] } }
})
const sign = (over: Record<string, unknown> = {}, header: Record<string, unknown> = {}, alg = "EdDSA") =>
  new SignJWT({ ...claims(), ...over })
    .setProtectedHeader({ alg, kid: alg, ...header })
    .sign(pairs[String(header["kid"] ?? alg)]?.privateKey ?? pairs[alg]!.privateKey)

const status = async (token: string, path = "/ledger", headers: Record<string, string> = {}) =>
  (await server.get(path, { ...bearer(token), ...headers })).status

const roles = (granted: unknown) => ({ resource_access: { millrace: { roles: granted } } })

describe("an issuer that is trusted by its key set", () => {
  it.each(["EdDSA", "ES256", "RS256", "PS256"])(
    "its %s tokens read the projects that it grants, and no others",
    async (alg) => {
      const token = await sign({}, {}, alg)
      expect(await status(token)).toBe(200)
      expect(await status(token, "/dead-letters")).toBe(403)
      for (const project of ["blog", "a b", "__proto__"]) {
        expect(await status(token, "/ledger", { "millrace-project": project })).toBe(403)
      }
    }
  )

  it.each([
    [{ shop: "admin", blog: "viewer" }, [200, 200]],
    [
      ["shop:admin", "shop:viewer", "blog:viewer"],
      [200, 200]
    ],
    [{ shop: "viewer" }, [200, 403]],
    [{ shop: "root", blog: 1 }, [403, 403]],
    [
      [["shop:admin"], { shop: "admin" }, "shop", "shop:admin:x", null],
      [403, 403]
    ],
    ["shop:admin", [403, 403]],
    [null, [403, 403]],
    [undefined, [403, 403]]
  ])("roles as %j", async (granted, expected) => {
    const token = await sign(roles(granted))
    const inShop = { "millrace-project": "shop" }
    expect([await status(token, "/ledger", inShop), await status(token, "/dead-letters", inShop)]).toEqual(expected)
  })

  it.each([
    ["of another issuer", { iss: "https://issuer.example" }, {}],
    ["of ours", { iss: "urn:millrace", aud: "urn:millrace:api" }, { typ: "at+jwt" }],
    ["for another audience", { aud: "account" }, {}],
    ["for a longer audience", { aud: "millrace-dashboard-2" }, {}],
    ["without an audience", { aud: undefined }, {}],
    ["expired", { exp: now() - 60 }, {}],
    ["without an end", { exp: undefined }, {}],
    ["not yet valid", { nbf: now() + 300 }, {}],
    ["issued in the future", { iat: now() + 300 }, {}],
    ["of nobody", { sub: "" }, {}],
    ["that are logout tokens", {}, { typ: "logout+jwt" }],
    ["under another key's name", {}, { kid: "ES256" }],
    ["under no key's name", {}, { kid: "other" }]
  ])("tokens %s are refused, though signed with the issuer's key", async (_, over, header) => {
    const token = await sign(over, header).catch(() => "a.b.c")
    expect(problemOf(await server.get("/ledger", bearer(token)))).toEqual([401, "unauthenticated"])
  })

  it("key confusion: its public keys sign nothing, and alg none is refused", async () => {
    for (const kid of ["EdDSA", "ES256", "RS256", "PS256"]) {
      for (const secret of [JSON.stringify(jwks[kid]), jwks[kid]!.x ?? jwks[kid]!.n!, null]) {
        for (const alg of ["HS256", "none", kid]) {
          expect([kid, alg, await status(forge({ alg, kid }, claims(), secret))]).toEqual([kid, alg, 401])
        }
      }
    }
  })

  it("a key that it takes back is refused within seconds; no restart", async () => {
    const token = await sign()
    expect(await status(token)).toBe(200)
    write(["ES256"])
    await eventually(async () => (await status(token)) === 401)
    expect(await status(await sign({}, {}, "ES256"))).toBe(200)
  })
})

describe("a key set that cannot be used ends the start, by its variable, and never shows a key", () => {
  const secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA"
  const ed = { kty: "OKP", crv: "Ed25519", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", kid: "a", alg: "EdDSA" }
  it.each([
    [{ keys: [{ kty: "oct", k: secret, kid: "a", alg: "HS256" }] }, "keys/0 must have alg"],
    [{ keys: [ed, ed] }, "two keys of one kid"],
    [{ keys: [{ ...ed, alg: undefined }] }, 'is not {"keys"'],
    [{ keys: [{ ...ed, kid: undefined }] }, 'is not {"keys"'],
    [{ keys: [{ ...ed, use: "enc" }] }, "keys/0 has a use"],
    [{ keys: [{ ...ed, crv: "X25519" }] }, "keys/0 has a kty or crv"],
    [{ keys: [{ ...ed, x: secret }] }, "keys/0 is not one of EdDSA"],
    [{ keys: [{ kty: "RSA", n: secret, e: "AQAB", kid: "a", alg: "RS256" }] }, "keys/0 must have 2048"],
    [{ keys: [] }, 'is not {"keys"'],
    [[ed], 'is not {"keys"']
  ])("%j", async (set, message) => {
    const path = join(accounts.places.directory, "bad.json")
    writeFileSync(path, JSON.stringify(set))
    const failure: unknown = await accounts
      .open({}, { ...issuer, issuerKeysFile: path })
      .catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(BadAdapterChoice)
    expect(String(failure)).toContain(`MILLRACE_ISSUER_KEYS_FILE`)
    expect(String(failure)).toContain(message)
    expect(String(failure)).not.toContain(secret)
  })

  it.each([
    [{ issuerAudience: undefined }, "MILLRACE_ISSUER_AUDIENCE is not set"],
    [{ issuer: undefined }, "MILLRACE_ISSUER is not set"],
    [{ issuerKeysFile: undefined }, "MILLRACE_ISSUER_KEYS_FILE is not set"],
    [{ issuerKeysFile: "/nowhere/keys.json" }, "MILLRACE_ISSUER_KEYS_FILE is not a file that can be read"],
    [{ keysFile: "/nowhere/keys.json" }, "MILLRACE_AUTH_KEYS_FILE is not a file that can be read"]
  ])("%j", async (over, message) => {
    await expect(accounts.open({}, { ...issuer, ...over })).rejects.toThrow(message)
  })

  it("a public key first cannot sign", async () => {
    const path = join(accounts.places.directory, "public.json")
    writeFileSync(path, JSON.stringify({ keys: [ed] }))
    await expect(accounts.open({}, { keysFile: path })).rejects.toThrow("has a public key first")
  })
})
