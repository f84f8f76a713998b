import { expect, it } from "vitest"
import type { Page } from "playwright-core"
import type { BrowserOptions } from "../src/browser/BrowserOptions.ts"
import { describeInBrowser, handleOf, openPage } from "./support/browser.ts"
import { statsOf, trackMany } from "./support/Driver.ts"
import { until, useRig } from "./support/rig.ts"

type Plugins = typeof import("../src/plugins/index.ts")

await describeInBrowser("consent", (browsers) => {
  const rig = useRig()
  /** A context of its own for each law: what another one stored is not there. */
  const scene = async (key: string, options: Partial<BrowserOptions>) => {
    const door = await rig.door()
    const context = await browsers.context().browser()!.newContext()
    const open = () =>
      openPage(context, browsers.site(), { host: door.url, key, flushMillis: 10, retryMillis: 20, ...options })
    return { context, door, open, page: await open() }
  }
  /** Everything that the origin keeps: names in localStorage and databases with entries. */
  const storedBy = (page: Page) =>
    page.evaluate(async () => {
      const databases = await indexedDB.databases()
      return { local: Object.entries(localStorage), databases: databases.map(({ name }) => name) }
    })
  const NOTHING = { local: [], databases: [] }
  const sent = (page: Page, count: number) =>
    until(`${count} are sent`, async () => (await statsOf(handleOf(page))).sent === count)
  /** Every way in which a client stores and sends: events, ids, plugins, a page that hides. */
  const use = async (page: Page, type: string) => {
    await page.addScriptTag({
      type: "module",
      content: 'import * as all from "/plugins.js"; Object.assign(window, all)'
    })
    await page.waitForFunction(() => "sessions" in window)
    await page.evaluate(() => (window as unknown as Plugins).sessions(client))
    const ids = await trackMany(handleOf(page), type, 3)
    await page.evaluate(async () => {
      client.identify("ada")
      client.reset()
      await client.flush()
      dispatchEvent(new Event("visibilitychange"))
      dispatchEvent(new PageTransitionEvent("pagehide"))
      dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }))
      await client.flush()
    })
    return ids
  }

  it("a client that is only created stores nothing", async () => {
    const { context, page } = await scene("created", {})
    expect((await storedBy(page)).local).toEqual([])
    await context.close()
  })

  it("pending: nothing is stored or sent, whatever is called; optIn sends what was tracked, and holds on the next visit", async () => {
    const { context, door, open, page } = await scene("pending", { consent: "pending" })
    const ids = await use(page, "pending")
    expect(await storedBy(page)).toEqual(NOTHING)
    expect(door.seen).toEqual([])
    expect(await statsOf(handleOf(page))).toMatchObject({ queued: 4, sent: 0 })
    await page.evaluate(() => client.optIn())
    await sent(page, 4)
    await rig.expectExactly("pending", ids)
    await page.close()
    const again = await open()
    const later = await trackMany(handleOf(again), "pending later", 2)
    await sent(again, 2)
    await rig.expectExactly("pending later", later)
    await context.close()
  })

  it("pending, then optOut: nothing was ever sent, and the answer alone is kept", async () => {
    const { context, door, open, page } = await scene("declined", { consent: "pending" })
    await use(page, "declined")
    await page.evaluate(() => client.optOut())
    expect((await storedBy(page)).local).toEqual([["millrace:declined", '{"optedOut":true}']])
    await page.close()
    const again = await open()
    expect(await trackMany(handleOf(again), "declined", 2)).toEqual(["", ""])
    expect(door.seen).toEqual([])
    await context.close()
  })

  it("an id from before the question was asked is no answer", async () => {
    const { context, door, page } = await scene("asked later", {})
    await trackMany(handleOf(page), "asked later", 1)
    await sent(page, 1)
    await page.close()
    const options = { host: door.url, key: "asked later", flushMillis: 10, consent: "pending" } as const
    const again = await openPage(context, browsers.site(), options)
    await trackMany(handleOf(again), "asked later", 1)
    await again.evaluate(() => client.flush())
    expect(await statsOf(handleOf(again))).toMatchObject({ queued: 1, sent: 0 })
    await context.close()
  })

  for (const [name, options] of [
    ["denied", { consent: "denied" }],
    ["memory", { persistence: "memory" }]
  ] as const) {
    it(`${name}: nothing is ever stored`, async () => {
      const { context, page } = await scene(name, options)
      await use(page, name)
      expect(await storedBy(page)).toEqual(NOTHING)
      await context.close()
    })
  }

  it("memory: events arrive, and each page load is somebody new", async () => {
    const { context, open, page } = await scene("somebody new", { persistence: "memory" })
    const who = () => page.evaluate(() => client.anonymousId())
    const first = await who()
    const ids = await trackMany(handleOf(page), "somebody new", 3)
    await sent(page, 3)
    await rig.expectExactly("somebody new", ids)
    const again = await open()
    expect(await again.evaluate(() => client.anonymousId())).not.toBe(first)
    await context.close()
  })

  it("optOut removes the ids of user, browser and session; optIn starts as somebody new", async () => {
    const { context, page } = await scene("removed", {})
    await use(page, "removed")
    const before = await page.evaluate(() => client.anonymousId())
    expect(JSON.stringify(await storedBy(page))).toContain(before)
    await page.evaluate(() => client.optOut())
    expect((await storedBy(page)).local).toEqual([["millrace:removed", '{"optedOut":true}']])
    const after = await page.evaluate(() => {
      client.optIn()
      return client.anonymousId()
    })
    expect(after).not.toBe(before)
    await context.close()
  })
})
