import { beforeAll, describe, expect, it } from "vitest"
import { type Accounts, bearer, eventually, login } from "./accounts.ts"
import { problemOf, type TestServer } from "./server.ts"

/** Over one store, looked at by two instances, each with what it remembers. */
export interface Instances {
  readonly accounts: Accounts
  readonly server: TestServer
  readonly other: TestServer
}

const openSession = async ({ accounts, server }: Instances, email: string, role: "viewer" | "admin" = "viewer") => {
  const id = await accounts.create(email, { shop: role })
  const { body, status } = await login(server, email)
  expect(status).toBe(200)
  return { id, ...(body as { access_token: string; refresh_token: string }) }
}

const post = (on: TestServer, path: string, refresh_token: string) => on.post({ refresh_token }, {}, path)
const ledger = (on: TestServer, token: string) => on.get("/ledger", bearer(token))
const onBoth = async ({ other, server }: Instances, token: string) =>
  await Promise.all([server, other].map(async (on) => (await ledger(on, token)).status))

/** An access token is good for minutes; what it is good for ends with its session, its account, and its role. */
export const endingLaws = (name: string, open: () => Promise<Instances>): void => {
  // At once, since each waits for the seconds that an instance goes by what it has read.
  describe.concurrent(`what an operator or a person ends, over ${name}`, () => {
    let at: Instances
    beforeAll(async () => {
      at = await open()
    })

    it("a logout ends the session's access token, here at once, and is answered alike for any token", async () => {
      const tokens = await openSession(at, "logout@shop.example")
      expect(await onBoth(at, tokens.access_token)).toEqual([200, 200])
      expect((await post(at.server, "/auth/logout", tokens.refresh_token)).status).toBe(204)
      expect((await ledger(at.server, tokens.access_token)).status).toBe(401)
      await eventually(async () => (await ledger(at.other, tokens.access_token)).status === 401)
      expect((await post(at.server, "/auth/refresh", tokens.refresh_token)).status).toBe(401)
      for (const token of [tokens.refresh_token, "mr_s_nothing"]) {
        expect((await post(at.server, "/auth/logout", token)).status).toBe(204)
      }
    })

    it("a logout ends no other session of the account", async () => {
      const first = await openSession(at, "twice@shop.example")
      const second = (await login(at.server, "twice@shop.example")).body
      await post(at.server, "/auth/logout", first.refresh_token)
      await eventually(async () => (await onBoth(at, first.access_token)).every((status) => status === 401))
      expect(await onBoth(at, second.access_token)).toEqual([200, 200])
    })

    it.each([
      ["a new password", (id: string) => at.accounts.inStore((store) => store.setPassword(id, "$none"))],
      ["a disabled account", (id: string) => at.accounts.inStore((store) => store.setDisabled(id, true))]
    ])("%s ends the sessions and their access tokens, everywhere", async (title, change) => {
      const tokens = await openSession(at, `${title.replaceAll(" ", ".")}@shop.example`)
      expect(await onBoth(at, tokens.access_token)).toEqual([200, 200])
      await change(tokens.id)
      await eventually(async () => (await onBoth(at, tokens.access_token)).every((status) => status === 401))
      expect(problemOf(await post(at.server, "/auth/refresh", tokens.refresh_token))).toEqual([401, "session_ended"])
    })

    it("an account that is enabled again has none of its old sessions back", async () => {
      const tokens = await openSession(at, "back@shop.example")
      for (const disabled of [true, false]) {
        await at.accounts.inStore((store) => store.setDisabled(tokens.id, disabled))
      }
      await eventually(async () => (await onBoth(at, tokens.access_token)).every((status) => status === 401))
      expect((await login(at.server, "back@shop.example")).status).toBe(200)
    })

    it("a role that is taken away or lowered counts no more, though the token still lives", async () => {
      const lowered = await openSession(at, "lowered@shop.example", "admin")
      const leaver = await openSession(at, "leaver@shop.example")
      const statuses = async (on: TestServer) => [
        (await on.get("/dead-letters", bearer(lowered.access_token))).status,
        (await ledger(on, leaver.access_token)).status
      ]
      const all = async () => [...(await statuses(at.server)), ...(await statuses(at.other))]
      expect(await all()).toEqual([200, 200, 200, 200])
      await at.accounts.inStore((store) => store.grant(lowered.id, "shop", "viewer"))
      await at.accounts.inStore((store) => store.grant(leaver.id, "shop", undefined))
      await eventually(async () => (await all()).every((status) => status === 403))
      expect((await ledger(at.server, lowered.access_token)).status).toBe(200)
    })
  })
}
