import { expect, it } from "vitest"
import type { Page } from "playwright-core"
import { type Check, check } from "./checks.ts"
import { describeInBrowser, handleOf, killBrowser, openPage, storedCount } from "./support/browser.ts"
import { statsOf, trackMany } from "./support/Driver.ts"
import { until, useRig } from "./support/rig.ts"

/** Only the page's end sends. */
const NEVER_MILLIS = 3_600_000
const EVENTS = 30

await describeInBrowser("the end of a page", (browsers) => {
  const rig = useRig()
  const scene = async (name: Check, plan?: Parameters<typeof rig.door>[0]) => {
    const door = await rig.door(plan)
    return {
      door,
      type: check(name),
      options: { host: door.url, key: check(name), flushMillis: NEVER_MILLIS, retryMillis: 20 }
    }
  }
  const open = (options: Parameters<typeof openPage>[2], context = browsers.context()) =>
    openPage(context, browsers.site(), options)
  /** A later visit, which sends what earlier ones left. */
  const visitAgain = async (options: Parameters<typeof openPage>[2], context = browsers.context()) => {
    const page = await open({ ...options, flushMillis: 20 }, context)
    return page
  }
  const arrived = (type: string, ids: ReadonlyArray<string>) =>
    until("all have arrived", async () => (await rig.stored(type)).size === ids.length)

  const comesIn = async (page: Page, type: string, ids: ReadonlyArray<string>) => {
    await arrived(type, ids)
    await until("nothing is stored", async () => (await storedCount(page, type)) === 0)
    await page.close()
  }

  const allStored = (page: Page, key: string, count = EVENTS) =>
    until("all are stored", async () => (await storedCount(page, key)) === count)

  /** Tracks and navigates within one turn. */
  const trackAndLeave = (page: Page, type: string, count: number, path: string, text = "") =>
    page.evaluate(
      ([name, events, target, filling]) => {
        const ids = Array.from({ length: events }, (_, n) => client.track(name, { n, filling }))
        location.href = target
        return ids
      },
      [type, count, path, text] as const
    )

  it(`check ${check("navigate away")}`, async () => {
    const { door, options, type } = await scene("navigate away")
    const page = await open(options)
    const ids = await trackAndLeave(page, type, EVENTS, "/plain")
    await arrived(type, ids)
    expect((await rig.expectExactly(type, ids)).size).toBe(ids.length)
    // Hiding and leaving are two events of the page, and one request.
    expect(new Set(door.copies().values())).toEqual(new Set([1]))
    await page.close()
  })

  it(`check ${check("close tab")}`, async () => {
    const { door, options, type } = await scene("close tab")
    const page = await open(options)
    const ids = await trackMany(handleOf(page), type, EVENTS)
    await page.close()
    await arrived(type, ids)
    expect((await rig.expectExactly(type, ids)).size).toBe(ids.length)
    expect(new Set(door.copies().values())).toEqual(new Set([1]))
  })

  it(`check ${check("quit browser")}`, async () => {
    const { options, type } = await scene("quit browser")
    const profile = browsers.newProfile()
    const first = await browsers.launch(profile)
    const page = await open(options, first)
    const ids = await trackMany(handleOf(page), type, EVENTS)
    await allStored(page, type)
    await first.close()
    const second = await browsers.launch(profile)
    await comesIn(await visitAgain(options, second), type, ids)
    expect((await rig.expectExactly(type, ids)).size).toBe(ids.length)
    await second.close()
  })

  it(`check ${check("renderer crash")}`, async () => {
    const { options, type } = await scene("renderer crash")
    const page = await open(options)
    const ids = await trackMany(handleOf(page), type, EVENTS)
    await allStored(page, type)
    const crashed = page.waitForEvent("crash")
    void page.goto("chrome://crash").catch(() => {})
    await crashed
    await page.close()
    await comesIn(await visitAgain(options), type, ids)
    expect((await rig.expectExactly(type, ids)).size).toBe(ids.length)
  })

  it("a page that crashes is not needed again where the browser has fetchLater", async ({ skip }) => {
    const door = await rig.door()
    const page = await open({ host: door.url, key: "crashed", flushMillis: NEVER_MILLIS })
    if (!(await page.evaluate(() => "fetchLater" in window))) skip("this browser has no fetchLater")
    const armed = page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 200)))
    const ids = await trackMany(handleOf(page), "crashed", EVENTS)
    await armed
    const crashed = page.waitForEvent("crash")
    void page.goto("chrome://crash").catch(() => {})
    await crashed
    await arrived("crashed", ids)
    expect((await rig.expectExactly("crashed", ids)).size).toBe(EVENTS)
    await page.close()
  })

  it(`check ${check("SIGKILL")}`, async () => {
    const { options, type } = await scene("SIGKILL")
    const profile = browsers.newProfile()
    const first = await browsers.launch(profile)
    const page = await open(options, first)
    const ids = await trackMany(handleOf(page), type, EVENTS)
    await allStored(page, type)
    const gone = first.waitForEvent("close")
    killBrowser(profile)
    await gone
    const second = await browsers.launch(profile)
    await comesIn(await visitAgain(options, second), type, ids)
    expect((await rig.expectExactly(type, ids)).size).toBe(ids.length)
    await second.close()
  })

  it(`check ${check("close mid-flush")}`, async () => {
    const { door, options, type } = await scene("close mid-flush", (n) => (n === 0 ? "hang" : undefined))
    const page = await open(options)
    const ids = [...(await trackMany(handleOf(page), type, EVENTS))]
    await page.evaluate(() => void client.flush())
    await until("the request is there", () => door.seen.length === 1)
    ids.push(...(await trackMany(handleOf(page), type, EVENTS)))
    await page.close()
    await comesIn(await visitAgain(options), type, ids)
    expect((await rig.expectExactly(type, ids)).size).toBe(ids.length)
  })

  it("what is under way is not sent again because the page hides", async () => {
    const type = "hidden mid-flush"
    const door = await rig.door((n) => (n === 0 ? { delayMillis: 500 } : undefined))
    const page = await open({ host: door.url, key: type, flushMillis: NEVER_MILLIS })
    const ids = [...(await trackMany(handleOf(page), type, EVENTS))]
    await page.evaluate(() => void client.flush())
    await until("the request is there", () => door.seen.length === 1)
    ids.push(...(await trackMany(handleOf(page), type, EVENTS)))
    await page.evaluate(() => {
      dispatchEvent(new PageTransitionEvent("pagehide"))
      dispatchEvent(new PageTransitionEvent("pagehide"))
    })
    await until("nothing is queued", async () => (await statsOf(handleOf(page))).queued === 0)
    expect((await rig.expectExactly(type, ids)).size).toBe(2 * EVENTS)
    expect(new Set(door.copies().values())).toEqual(new Set([1]))
    await page.close()
  })

  it(`check ${check("bfcache")}`, async () => {
    const { door, options, type } = await scene("bfcache")
    const page = await open(options)
    await page.evaluate(() => addEventListener("pageshow", ({ persisted }) => Object.assign(window, { persisted })))
    const ids = [...(await trackAndLeave(page, type, EVENTS, "/plain"))]
    await page.waitForURL("**/plain")
    await arrived(type, ids)
    await page.evaluate(() => history.back())
    await until("the page is back", () =>
      page.evaluate(() => (window as { persisted?: boolean }).persisted === true).catch(() => false)
    )
    ids.push(...(await trackMany(handleOf(page), type, EVENTS)))
    await page.evaluate(() => client.flush())
    expect(await statsOf(handleOf(page))).toEqual({ queued: 0, sent: 2 * EVENTS, dropped: 0 })
    expect((await rig.expectExactly(type, ids)).size).toBe(ids.length)
    expect(Math.max(...door.copies().values())).toBeLessThanOrEqual(2)
    // It is one of the living again: its lock is held.
    await until("it holds the family's lock", () =>
      page.evaluate(
        async (name) => (await navigator.locks.query()).held!.some((lock) => lock.name === name),
        `millrace:${type}`
      )
    )
    await page.close()
  })

  it(`check ${check("> 64 KB at unload")}`, async () => {
    const { options, type } = await scene("> 64 KB at unload")
    const page = await open(options)
    // The page has been there for a moment: its database is open.
    const early = await trackMany(handleOf(page), type, 1)
    await allStored(page, type, 1)
    const late = await trackAndLeave(page, type, 60, "/plain", "x".repeat(4_096))
    const ids = [...early, ...late]
    await page.waitForURL("**/plain")
    await page.close()
    await comesIn(await visitAgain(options), type, ids)
    expect((await rig.expectExactly(type, ids)).size).toBe(ids.length)
  })

  it(`check ${check("slow preflight")}`, async () => {
    const { door, options, type } = await scene("slow preflight", (_, { method }) =>
      method === "OPTIONS" ? "hang" : undefined
    )
    const page = await open(options)
    const ids = await trackAndLeave(page, type, EVENTS, "/plain")
    await arrived(type, ids)
    expect((await rig.expectExactly(type, ids)).size).toBe(ids.length)
    expect(door.seen.map(({ method }) => method)).toEqual(["POST"])
    expect(door.seen[0]!.headers["origin"]).toBe(browsers.site().url)
    expect(door.seen[0]!.headers["content-type"]).toMatch(/^text\/plain/u)
    await page.close()
  })

  it(`check ${check("frozen-and-thawed")}`, async () => {
    const { options, type } = await scene("frozen-and-thawed")
    const page = await open({ ...options, flushMillis: 20 })
    const session = await browsers.context().newCDPSession(page)
    const ids = [...(await trackMany(handleOf(page), type, EVENTS))]
    await session.send("Page.setWebLifecycleState", { state: "frozen" })
    await session.send("Page.setWebLifecycleState", { state: "active" })
    ids.push(...(await trackMany(handleOf(page), type, EVENTS)))
    await until("nothing is queued", async () => (await statsOf(handleOf(page))).queued === 0)
    expect((await rig.expectExactly(type, ids)).size).toBe(ids.length)
    await page.close()
  })

  it(`check ${check("bounce before load")}`, async () => {
    const { door, options, type } = await scene("bounce before load")
    browsers.site().stuck = true
    const page = await browsers.context().newPage()
    await page.goto(`${browsers.site().url}/snippet`)
    const track = ([given, name]: readonly [object, string]) => {
      const { millrace } = window as unknown as {
        millrace: typeof client & { load: (...all: ReadonlyArray<unknown>) => void }
      }
      // Another address each time: a browser lets a request wait for its like.
      if (Object.keys(given).length > 0) millrace.load(`/millrace.iife.js?${performance.timeOrigin}`, given)
      return [1, 2, 3].map((n) => millrace.track(name, { n }))
    }
    const bounced = await page.evaluate(track, [options, type] as const)
    await page.goto(`${browsers.site().url}/plain`)
    await arrived(type, bounced)
    expect(new Set(door.copies().values())).toEqual(new Set([1]))
    // Where the script does arrive, what was called before goes through the client, with the ids given then.
    browsers.site().stuck = false
    await page.goto(`${browsers.site().url}/snippet`)
    const stayed = await page.evaluate(track, [{ ...options, flushMillis: 20 }, type] as const)
    await page.waitForFunction(() => "stats" in (window as unknown as { millrace: object }).millrace)
    const later = await page.evaluate(track, [{}, type] as const)
    await arrived(type, [...bounced, ...stayed, ...later])
    const rows = await rig.expectExactly(type, [...bounced, ...stayed, ...later])
    expect(new Set([...rows.values()].map(({ user_id }) => user_id)).size).toBe(1)
    await page.close()
  })

  it("the snippet's last words go to the address that is meant, with ids as text, and are none where the browser asks for that", async () => {
    const type = "snippet's last words"
    const door = await rig.door()
    const given = { host: `${door.url}/events/`, key: type, respectPrivacySignals: true }
    browsers.site().stuck = true
    const bounce = async (signal: boolean) => {
      const page = await browsers.context().newPage()
      await page.addInitScript((value) => Object.defineProperty(navigator, "globalPrivacyControl", { value }), signal)
      await page.goto(`${browsers.site().url}/snippet`)
      const ids = await page.evaluate(
        ([opened, name]) => {
          const { millrace } = window as unknown as {
            millrace: typeof client & { load: (...all: ReadonlyArray<unknown>) => void }
          }
          millrace.load(`/millrace.iife.js?${performance.timeOrigin}`, opened)
          return [millrace.track(name, {}, { userId: 12_345 })]
        },
        [given, type] as const
      )
      await page.goto(`${browsers.site().url}/plain`)
      await page.close()
      return ids
    }
    await bounce(true)
    const ids = await bounce(false)
    await arrived(type, ids)
    browsers.site().stuck = false
    expect([...door.copies().keys()]).toEqual(ids)
    expect((await rig.expectExactly(type, ids)).get(ids[0]!)!.user_id).toBe("12345")
  })
})
