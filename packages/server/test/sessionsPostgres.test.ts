import { postgres } from "@millrace/test-services"
import { describeWithService } from "@millrace/test-services/vitest"
import { Redacted } from "effect"
import { afterAll, expect, it } from "vitest"
import { type Accounts, accountsIn, bearer, eventually, login } from "./support/accounts.ts"
import { endingLaws } from "./support/endingLaws.ts"
import { problemOf } from "./support/server.ts"

await describeWithService("sessions over PostgreSQL", postgres(), (service, { owned }) => {
  it("instances that share the database and the pepper share accounts and sessions; a stranger's pepper is refused", async () => {
    const postgresUrl = Redacted.make(await service().createDatabase())
    const placesWith = (pepper: string) => ({ directory: "", postgresUrl, keyPepper: Redacted.make(pepper.repeat(32)) })
    const accounts = accountsIn(placesWith("a"))
    const strangers = accountsIn(placesWith("b"))
    await accounts.create("ada@shop.example", { shop: "viewer" })
    const [one, two, stranger] = await Promise.all([accounts.open(), accounts.open(), strangers.open()])
    const tokens = (await login(one, "ada@shop.example")).body
    const status = async (on: typeof one) => (await on.get("/ledger", bearer(tokens.access_token))).status
    expect([await status(one), await status(two), await status(stranger)]).toEqual([200, 200, 401])
    const refresh = (on: typeof one, token: string) => on.post({ refresh_token: token }, {}, "/auth/refresh")
    expect(problemOf(await refresh(stranger, tokens.refresh_token))).toEqual([401, "session_ended"])
    const next = (await refresh(two, tokens.refresh_token)).body
    expect((await two.post({ refresh_token: next.refresh_token }, {}, "/auth/logout")).status).toBe(204)
    await eventually(async () => (await status(one)) === 401)
    await Promise.all([accounts.close(), strangers.close()])
  })

  let laws: Accounts | undefined
  afterAll(() => laws?.close())
  endingLaws("PostgreSQL", async () => {
    const postgresUrl = Redacted.make(await service().createDatabase())
    const accounts = accountsIn({ directory: "", postgresUrl, keyPepper: Redacted.make("l".repeat(32)) })
    laws = accounts
    // Without any the servers would be open at first.
    await accounts.create("first@shop.example", {})
    const [server, other] = await Promise.all([accounts.open(), accounts.open()])
    return { accounts, server, other }
  })

  it.skipIf(!owned)("while the database is away nobody gets in, and what is refused says to come back", async () => {
    const server = service()
    const postgresUrl = Redacted.make(await server.createDatabase())
    const accounts = accountsIn({ directory: "", postgresUrl, keyPepper: Redacted.make("p".repeat(32)) })
    await accounts.create("ada@shop.example", { shop: "viewer" })
    const one = await accounts.open()
    const { access_token } = (await login(one, "ada@shop.example")).body
    await server.stop()
    await eventually(async () => (await one.get("/ledger", bearer(access_token))).status === 503)
    const refused = await login(one, "ada@shop.example")
    expect(problemOf(refused)).toEqual([503, "users_unavailable"])
    expect(refused.headers.get("retry-after")).toBe("1")
    expect((await one.get("/ledger", bearer("a.b.c"))).status).toBe(401)
    await accounts.close()
  })
})
