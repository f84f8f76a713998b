import { expect, it } from "vitest"
import type { Page } from "playwright-core"
import { describeInBrowser, handleOf, openPage } from "./support/browser.ts"
import { statsOf } from "./support/Driver.ts"
import { until, useRig } from "./support/rig.ts"

type Plugins = typeof import("../src/plugins/index.ts")

await describeInBrowser("plugins", (browsers) => {
  const rig = useRig()

  const open = async (key: string) => {
    const door = await rig.door()
    const page = await openPage(browsers.context(), browsers.site(), { host: door.url, key, flushMillis: 20 })
    await page.addScriptTag({
      type: "module",
      content: 'import * as all from "/plugins.js"; Object.assign(window, all)'
    })
    await page.waitForFunction(() => "sessions" in window)
    return { door, page }
  }
  /** Of the page's events of that type, in the order of their tracking. */
  const arrived = async (page: Page, door: Awaited<ReturnType<typeof rig.door>>, type: string) => {
    await until("nothing is queued", async () => (await statsOf(handleOf(page))).queued === 0)
    const mine = door.copies()
    const rows = await rig.stored(type)
    return [...mine.keys()].flatMap((id) => (rows.has(id) ? [rows.get(id)!.properties as Record<string, unknown>] : []))
  }

  it("page views: the first, and each address that a single-page application goes to, once", async () => {
    const { door, page } = await open("page views")
    const base = browsers.site().url
    await page.evaluate(async () => {
      const settle = () => new Promise((resolve) => setTimeout(resolve, 20))
      const stop = (window as unknown as Plugins).pageViews(client)
      for (const path of ["/a", "/a", "/b", "/b#part"]) {
        history.pushState({}, "", path)
        await settle()
      }
      stop()
      history.pushState({}, "", "/c")
      await settle()
    })
    expect(await arrived(page, door, "$page")).toMatchObject([
      { name: "page", url: `${base}/`, path: "/", referrer: "" },
      { url: `${base}/a`, path: "/a", referrer: `${base}/` },
      { url: `${base}/b`, referrer: `${base}/a` }
    ])
    await page.close()
  })

  it("sessions: one id over tabs, a new one after 30 idle minutes", async () => {
    const { door, page } = await open("sessions")
    const other = await browsers.context().newPage()
    const ids = await page.evaluate(() => {
      const real = Date.now
      ;(window as unknown as Plugins).sessions(client)
      const now = () => client.track("session")
      const made = [now(), now()]
      Date.now = () => real() + 31 * 60_000
      made.push(now())
      Date.now = real
      return made
    })
    await until("nothing is queued", async () => (await statsOf(handleOf(page))).queued === 0)
    const rows = await rig.expectExactly("session", ids)
    const [first, second, third] = ids.map((id) => (rows.get(id)!.properties as { session_id: string }).session_id)
    expect(first).toBe(second)
    expect(third).not.toBe(first)
    expect(door.copies().size).toBe(3)
    await Promise.all([page.close(), other.close()])
  })

  it("autocapture: what the page says about links and buttons, never what is typed or marked as private", async () => {
    const { door, page } = await open("autocapture")
    await page.evaluate(() => {
      ;(window as unknown as Plugins).autocapture(client)
      document.body.innerHTML = `<button id="buy">Buy <b>now</b></button><p>text</p>
        <div data-millrace-ignore><button id="secret">secret</button></div>
        <form onsubmit="return false"><input id="typed" value="4111 1111"><button id="send">Send</button></form>`
    })
    for (const selector of ["#buy b", "p", "#secret", "#typed", "#send"]) await page.click(selector)
    expect(await arrived(page, door, "$click")).toEqual([
      { tag: "button", id: "buy", text: "Buy now" },
      { tag: "button", id: "send", text: "Send" }
    ])
    const [submitted] = await arrived(page, door, "$submit")
    expect(submitted).toMatchObject({ tag: "form", text: "Send" })
    await page.close()
  })

  it("web vitals: one event when the page is left", async () => {
    const { door, page } = await open("web vitals")
    await page.evaluate(() => void (window as unknown as Plugins).webVitals(client))
    await page.goto(`${browsers.site().url}/plain`)
    await until("it is stored", async () => (await rig.stored("$web_vitals")).size > 0)
    const rows = await rig.stored("$web_vitals")
    expect(rows.size).toBe(1)
    expect(new Set(door.copies().keys())).toEqual(new Set(rows.keys()))
    expect([...rows.values()][0]!.properties).toMatchObject({ ttfb: expect.any(Number), fcp: expect.any(Number) })
    await page.close()
  })
})
