import { expect, it } from "vitest"
import type { Client, Properties } from "../../src/core/types.ts"
import { type Check, check } from "../checks.ts"
import { type Driver, statsOf, trackMany } from "./Driver.ts"
import { type Rig, until } from "./rig.ts"

type Script = (client: Client<Record<string, Properties>>, type: string) => ReadonlyArray<string>

/** What applications put into events. */
export const valueChecks = (driver: Driver, rig: Rig): void => {
  /** Runs the script between two plain events; returns what the server has, by `n` where it was given. */
  const play = async (name: Check, script: Script, dropped = 0) => {
    const type = `${check(name)} ${driver.name}`
    const door = await rig.door()
    const client = await driver.open({ host: door.url, flushMillis: 10, retryMillis: 20 })
    const first = await trackMany(client, type, 1)
    const made = await client.run(script, type)
    const last = await trackMany(client, type, 1)
    await client.run((there) => there.flush())
    await until("nothing is queued", async () => (await statsOf(client)).queued === 0)
    const problems = await client.problems()
    const lost = problems.flatMap(({ eventIds }) => eventIds)
    expect(lost).toHaveLength(dropped)
    const rows = await rig.expectExactly(
      type,
      [...first, ...made, ...last].filter((id) => !lost.includes(id))
    )
    expect(await statsOf(client)).toMatchObject({ queued: 0, dropped })
    return { problems, properties: made.map((id) => rows.get(id)?.properties) }
  }

  it(`check ${check("circular")}`, async () => {
    const { properties } = await play("circular", (client, type) => {
      const loop: Record<string, unknown> = { n: 1 }
      loop["self"] = loop
      return [client.track(type, loop), client.track(type, { list: [loop] })]
    })
    expect(properties).toEqual([{ n: 1, self: "[circular]" }, { list: [{ n: 1, self: "[circular]" }] }])
  })

  it(`check ${check("BigInt")}`, async () => {
    const { properties } = await play("BigInt", (client, type) => [
      client.track(type, { big: 2n ** 70n, edge: -(2n ** 53n), last: 2n ** 53n - 1n, small: 5n })
    ])
    expect(properties).toEqual([
      { big: "1180591620717411303424", edge: "-9007199254740992", last: 9007199254740991, small: 5 }
    ])
  })

  it(`check ${check("throwing getter")}`, async () => {
    const { properties } = await play("throwing getter", (client, type) => {
      const trap = () => {
        throw new Error("no")
      }
      const inner = Object.defineProperty({ kept: 1 }, "bad", { get: trap, enumerable: true })
      const closed = new Proxy({}, { ownKeys: trap })
      return [client.track(type, { inner, closed, n: 1 }), client.track(type, inner)]
    })
    expect(properties[0]).toEqual({ inner: { kept: 1, bad: "[unreadable]" }, closed: "[unreadable]", n: 1 })
    expect(properties[1]).toEqual({ kept: 1, bad: "[unreadable]" })
  })

  it(`check ${check("NaN/Map/invalid Date")}`, async () => {
    const { properties } = await play("NaN/Map/invalid Date", (client, type) => [
      client.track(type, {
        nan: Number.NaN,
        infinite: Infinity,
        map: new Map([["a", new Set([1])]]),
        bad: new Date(Number.NaN),
        good: new Date(0),
        symbol: Symbol("s"),
        run: () => 1
      })
    ])
    expect(properties).toEqual([
      { nan: null, infinite: null, map: { a: [1] }, bad: null, good: "1970-01-01T00:00:00.000Z" }
    ])
  })

  it(`check ${check("lone surrogates")}`, async () => {
    const { properties } = await play("lone surrogates", (client, type) => [
      client.track(type, { low: "a\udc00b", high: "\ud800", nul: "a\0b", pair: "😀", text: "\\ud800 \u0001" })
    ])
    expect(properties).toEqual([
      { low: "a\ufffdb", high: "\ufffd", nul: "a\ufffdb", pair: "😀", text: "\\ud800 \u0001" }
    ])
  })

  it(`check ${check("object mutated after track")}`, async () => {
    const { properties } = await play("object mutated after track", (client, type) => {
      const shared = { n: 1, deep: { list: [1] } }
      const id = client.track(type, shared)
      shared.n = 2
      shared.deep.list.push(2)
      return [id]
    })
    expect(properties).toEqual([{ n: 1, deep: { list: [1] } }])
  })

  it(`check ${check("1 MB event")}`, async () => {
    const { problems } = await play(
      "1 MB event",
      (client, type) => [client.track(type, { text: "x".repeat(2 ** 20) })],
      1
    )
    expect(problems).toMatchObject([{ code: "too_large" }])
  })

  it(`check ${check("poison neighbour")}`, async () => {
    const poison: Script = (client, type) => [client.track(type, { constructor: 1 }), client.track(type, { n: 2 })]
    const { problems, properties } = await play("poison neighbour", poison, 1)
    expect(problems).toMatchObject([{ code: "forbidden_key" }])
    expect(properties[1]).toEqual({ n: 2 })
  })
}
