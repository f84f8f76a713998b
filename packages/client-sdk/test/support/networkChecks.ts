import { expect, it } from "vitest"
import type { Options } from "../../src/core/types.ts"
import { settled } from "../../../server/test/support/server.ts"
import { type Check, check } from "../checks.ts"
import { type Driver, dropsOf, type Handle, statsOf, trackMany } from "./Driver.ts"
import type { Plan } from "./door.ts"
import { type Rig, until } from "./rig.ts"

const EVENTS = 20
const QUICK = { flushMillis: 10, retryMillis: 20 }

interface Scene {
  readonly plan?: Plan
  readonly options?: Partial<Options>
}

/** What every platform must survive on the way to the server. */
export const networkChecks = (driver: Driver, rig: Rig): void => {
  const typeOf = (name: Check) => `${check(name)} ${driver.name}`

  /** All is tracked, then waits until nothing is queued, and counts. */
  const play = async (name: Check, { options, plan }: Scene) => {
    const door = await rig.door(plan)
    const client = await driver.open({ host: door.url, ...QUICK, ...options })
    const ids = await trackMany(client, typeOf(name), EVENTS)
    await until("nothing is queued", async () => (await statsOf(client)).queued === 0)
    await rig.expectExactly(typeOf(name), ids)
    expect(await statsOf(client)).toEqual({ queued: 0, sent: EVENTS, dropped: 0 })
    expect([...door.copies().keys()].toSorted()).toEqual(ids.toSorted())
    return { client, copies: door.copies(), ids, seen: door.seen }
  }

  const once =
    (fault: ReturnType<Plan>): Plan =>
    (n) =>
      n === 0 ? fault : undefined

  it(`check ${check("500×N then OK")}`, async () => {
    const { copies } = await play("500×N then OK", { plan: (n) => (n < 6 ? { status: 500 } : undefined) })
    expect(Math.max(...copies.values())).toBe(7)
  })

  it(`check ${check("429 with seconds")}`, async () => {
    const busy = once({ status: 429, headers: { "retry-after": "1" } })
    const { seen } = await play("429 with seconds", { plan: busy })
    // A lower bound: a slow machine can only be later.
    expect(seen[1]!.at - seen[0]!.at).toBeGreaterThan(990)
  })

  it(`check ${check("429 with date")}`, async () => {
    let named = 0
    let came = 0
    await play("429 with date", {
      plan: (n) => {
        if (n === 1) came = Date.now()
        if (n > 0) return undefined
        named = Math.ceil(Date.now() / 1_000) * 1_000 + 1_000
        return { status: 429, headers: { "retry-after": new Date(named).toUTCString() } }
      }
    })
    expect(came).toBeGreaterThan(named - 10)
  })

  it("a flush does not come before the time that Retry-After names, and nothing is lost by asking", async () => {
    const door = await rig.door(once({ status: 503, headers: { "retry-after": "1" } }))
    const client = await driver.open({ host: door.url, ...QUICK })
    const ids = await trackMany(client, `held ${driver.name}`, 3)
    await client.run(async (there) => {
      for (let again = 0; again < 20; again++) await there.flush()
    })
    await until("nothing is queued", async () => (await statsOf(client)).queued === 0)
    expect(door.seen).toHaveLength(2)
    expect(door.seen[1]!.at - door.seen[0]!.at).toBeGreaterThan(990)
    await rig.expectExactly(`held ${driver.name}`, ids)
  })

  it(`check ${check("503 without body")}`, async () => {
    const { seen } = await play("503 without body", { plan: (n) => (n < 2 ? { status: 503 } : undefined) })
    expect(seen).toHaveLength(3)
  })

  it(`check ${check("time-out")}`, async () => {
    const { copies } = await play("time-out", { plan: once("hang"), options: { timeoutMillis: 1_000 } })
    expect(new Set(copies.values())).toEqual(new Set([2]))
  })

  it(`check ${check("reset after receipt")}`, async () => {
    const before = await settled(rig.server())
    const { copies } = await play("reset after receipt", { plan: once("reset after receipt") })
    const after = await settled(rig.server())
    // The server had every event twice, under the same id: it counts the copies as duplicates.
    expect(new Set(copies.values())).toEqual(new Set([2]))
    expect(after.duplicates - before.duplicates).toBe(EVENTS)
    expect(after.stored - before.stored).toBe(EVENTS)
  })

  it(`check ${check("half response")}`, async () => {
    const { copies } = await play("half response", { plan: once("half response") })
    expect(new Set(copies.values())).toEqual(new Set([2]))
  })

  it(`check ${check("refused while online")}`, async () => {
    const door = await rig.door()
    await door.shut()
    const client = await driver.open({ host: door.url, ...QUICK })
    const ids = await trackMany(client, typeOf("refused while online"), EVENTS)
    await client.run((there) => there.flush())
    expect(await statsOf(client)).toEqual({ queued: EVENTS, sent: 0, dropped: 0 })
    await door.open()
    await until("nothing is queued", async () => (await statsOf(client)).queued === 0)
    await rig.expectExactly(typeOf("refused while online"), ids)
  })

  it(`check ${check("413 batch")}`, async () => {
    const { seen } = await play("413 batch", {
      plan: (_, { ids }) => (ids.length > 3 ? { status: 413 } : undefined)
    })
    expect(seen.some(({ ids }) => ids.length > 3)).toBe(true)
  })

  it(`check ${check("DNS failure")}`, async () => {
    const name = await driver.failLookups(3)
    const door = await rig.door()
    const client = await driver.open({ host: `http://${name}:${door.port}`, ...QUICK })
    const ids = await trackMany(client, typeOf("DNS failure"), EVENTS)
    await client.run((there) => there.flush())
    expect(await statsOf(client)).toEqual({ queued: EVENTS, sent: 0, dropped: 0 })
    await until("nothing is queued", async () => (await statsOf(client)).queued === 0)
    await rig.expectExactly(typeOf("DNS failure"), ids)
  })

  it(`check ${check("captive-portal HTML 200")}`, async () => {
    const page = { status: 200, headers: { "content-type": "text/html" }, body: "<h1>Log in to the Wi-Fi</h1>" }
    const { seen } = await play("captive-portal HTML 200", { plan: (n) => (n < 2 ? page : undefined) })
    expect(seen).toHaveLength(3)
  })

  it(`check ${check("401")}`, async () => {
    const { client } = await play("401", { plan: (n) => (n < 2 ? { status: 401, body: "{}" } : undefined) })
    expect((await client.problems()).filter(({ code }) => code !== "network")).toEqual([
      { code: "http_401", status: 401, eventIds: [] },
      { code: "http_401", status: 401, eventIds: [] }
    ])
  })

  refusalChecks(driver, rig)
}

const refusalChecks = (driver: Driver, rig: Rig): void => {
  const neighbours = async (name: Check, client: Handle, victim: string, ids: ReadonlyArray<string>) => {
    await until("nothing is queued", async () => (await statsOf(client)).queued === 0)
    await rig.expectExactly(
      `${check(name)} ${driver.name}`,
      ids.filter((id) => id !== victim)
    )
    expect(await statsOf(client)).toEqual({ queued: 0, sent: ids.length - 1, dropped: 1 })
  }

  it(`check ${check("413 single")}`, async () => {
    const door = await rig.door((_, { body }) => (body.includes("the large one") ? { status: 413 } : undefined))
    const client = await driver.open({ host: door.url, ...QUICK })
    const type = `${check("413 single")} ${driver.name}`
    const ids = await client.run(
      (there, name) => ["a", "the large one", "b", "c"].map((text) => there.track(name, { text })),
      type
    )
    await neighbours("413 single", client, ids[1]!, ids)
    expect(await dropsOf(client)).toMatchObject([{ code: "http_413", status: 413, eventIds: [ids[1]] }])
  })

  it(`check ${check("partial reject")}`, async () => {
    const door = await rig.door()
    const client = await driver.open({ host: door.url, ...QUICK })
    const type = `${check("partial reject")} ${driver.name}`
    const ids = await client.run(
      (there, name) => ["ada", "", "bob"].map((userId) => there.track(name, {}, { userId })),
      type
    )
    await neighbours("partial reject", client, ids[1]!, ids)
    expect(await dropsOf(client)).toMatchObject([{ code: "empty", status: 202, eventIds: [ids[1]] }])
    const alone = await client.run((there, name) => there.track(name, {}, { userId: "" }), type)
    await client.run((there) => there.flush())
    expect((await dropsOf(client))[1]).toMatchObject({ code: "empty", status: 422, eventIds: [alone] })
  })
}
