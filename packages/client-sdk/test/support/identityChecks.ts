import { expect, it } from "vitest"
import { check } from "../checks.ts"
import { type Driver, statsOf } from "./Driver.ts"
import { type Rig, until } from "./rig.ts"

/** Who an event belongs to, and calls that come in each other's way. */
export const identityChecks = (driver: Driver, rig: Rig): void => {
  const open = async (host: string) => driver.open({ host, flushMillis: 10, retryMillis: 20 })

  it(`check ${check("reset during flush")}`, async () => {
    const type = `${check("reset during flush")} ${driver.name}`
    const door = await rig.door((n) => (n === 0 ? { delayMillis: 300 } : undefined))
    const client = await open(door.url)
    const made = await client.run(async (there, name) => {
      there.identify("ada")
      there.register({ plan: "pro" })
      const before = [there.track(name, { n: 1 })]
      const flushed = there.flush()
      // In a later turn: the request is under way.
      await new Promise((resolve) => setTimeout(resolve, 50))
      there.reset()
      const after = [there.track(name, { n: 2 })]
      await flushed
      return { before, after, anonymous: there.anonymousId() }
    }, type)
    await until("nothing is queued", async () => (await statsOf(client)).queued === 0)
    const rows = await rig.expectExactly(type, [...made.before, ...made.after])
    expect(rows.get(made.before[0]!)).toMatchObject({ user_id: "ada", properties: { n: 1, plan: "pro" } })
    expect(rows.get(made.after[0]!)).toMatchObject({ user_id: made.anonymous, properties: { n: 2 } })
    expect(rows.get(made.after[0]!)!.properties).toEqual({ n: 2 })
  })

  it("identify merges the anonymous id, alias another one; another user gets another anonymous id", async () => {
    const door = await rig.door()
    const client = await open(door.url)
    const ids = await client.run(async (there) => {
      const first = there.anonymousId()
      there.identify("ada", { name: "Ada" })
      there.identify("ada")
      there.alias("old-device")
      there.identify("bob")
      const second = there.anonymousId()
      await there.flush()
      return { first, second }
    })
    expect(ids.first).not.toBe(ids.second)
    const mine = new Set([ids.first, ids.second, "old-device"])
    const rows = [...(await rig.stored("$identify")).values()]
      .filter(({ properties }) => mine.has((properties as { anonymous_id: string }).anonymous_id))
      .map(({ properties, user_id }) => [user_id, properties])
    expect(rows).toHaveLength(3)
    expect(rows).toEqual(
      expect.arrayContaining([
        ["ada", { anonymous_id: ids.first, name: "Ada" }],
        ["ada", { anonymous_id: "old-device" }],
        ["bob", { anonymous_id: ids.second }]
      ])
    )
  })

  it("getters among the registered properties are read for each event, and an event's own properties win", async () => {
    const type = `registered ${driver.name}`
    const door = await rig.door()
    const client = await open(door.url)
    const ids = await client.run(async (there, name) => {
      let turn = 0
      there.register({
        get turn() {
          return ++turn
        },
        plan: "free"
      })
      const made = [there.track(name), there.track(name, { plan: "pro" })]
      await there.flush()
      return made
    }, type)
    const rows = await rig.expectExactly(type, ids)
    expect(ids.map((id) => rows.get(id)!.properties)).toEqual([
      { turn: 1, plan: "free" },
      { turn: 2, plan: "pro" }
    ])
  })

  it(`check ${check("concurrent flush")}`, async () => {
    const type = `${check("concurrent flush")} ${driver.name}`
    const door = await rig.door()
    const client = await open(door.url)
    const ids = await client.run(async (there, name) => {
      const made: Array<string> = []
      const flushes: Array<Promise<void>> = []
      for (let n = 0; n < 100; n++) {
        made.push(there.track(name, { n }))
        flushes.push(there.flush())
        if (n % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 0))
      }
      await Promise.all(flushes)
      return made
    }, type)
    expect(await statsOf(client)).toEqual({ queued: 0, sent: 100, dropped: 0 })
    expect(new Set(door.copies().values())).toEqual(new Set([1]))
    expect((await rig.expectExactly(type, ids)).size).toBe(ids.length)
  })

  it(`check ${check("no unhandled rejection")}`, async () => {
    const type = `${check("no unhandled rejection")} ${driver.name}`
    const faults = [{ status: 500 }, "reset", { status: 401 }, "half response", { status: 200, body: "<p>" }] as const
    const door = await rig.door((n) => faults[n])
    const client = await driver.open({ host: door.url, flushMillis: 10, retryMillis: 5 })
    const ids = await client.run(async (there, name) => {
      const made = [there.track(name, { n: 1 })]
      void there.flush()
      // What an application should not do, and does.
      const wrong = there as unknown as Record<string, (...all: ReadonlyArray<unknown>) => unknown>
      wrong["track"]!(undefined, null)
      wrong["track"]!("wrong", 5, { occurredAt: new Date(Number.NaN) })
      wrong["identify"]!(null)
      wrong["reset"]!()
      made.push(there.track(name, { n: 2 }))
      await there.flush()
      return made
    }, type)
    await until("nothing is queued", async () => (await statsOf(client)).queued === 0)
    expect((await rig.expectExactly(type, ids)).size).toBe(ids.length)
  })
}
