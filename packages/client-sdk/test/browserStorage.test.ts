import { expect, it } from "vitest"
import type { Page } from "playwright-core"
import { type Check, check } from "./checks.ts"
import { describeInBrowser, handleOf, openPage, startClient, storedCount } from "./support/browser.ts"
import { dropsOf, statsOf, trackMany } from "./support/Driver.ts"
import { until, useRig } from "./support/rig.ts"

const EVENTS = 20

await describeInBrowser("storage and tabs", (browsers) => {
  const rig = useRig()
  const scene = async (name: Check) => {
    const door = await rig.door()
    return { door, type: check(name), options: { host: door.url, key: check(name), flushMillis: 20, retryMillis: 20 } }
  }
  const open = (options: Parameters<typeof openPage>[2]) => openPage(browsers.context(), browsers.site(), options)
  const nothingQueued = (page: Pick<Page, "evaluate">) =>
    until("nothing is queued", async () => (await statsOf(handleOf(page))).queued === 0)
  const storedAre = (page: Page, key: string, count: number) =>
    until(`${count} are stored`, async () => (await storedCount(page, key)) === count)

  /** A page that tracked offline and is closed; the ids of what it left. */
  const leaveStored = async (type: string, options: Parameters<typeof openPage>[2]) => {
    const page = await open(options)
    await browsers.context().setOffline(true)
    const ids = await trackMany(handleOf(page), type, EVENTS)
    await storedAre(page, type, EVENTS)
    await page.close()
    await browsers.context().setOffline(false)
    return ids
  }

  it(`check ${check("offline, close, reopen")}`, async () => {
    const { options, type } = await scene("offline, close, reopen")
    const ids = await leaveStored(type, options)
    const again = await open(options)
    await storedAre(again, type, 0)
    // The client learns of its own commit a moment later.
    await nothingQueued(again)
    expect(await statsOf(handleOf(again))).toEqual({ queued: 0, sent: EVENTS, dropped: 0 })
    expect((await rig.expectExactly(type, ids)).size).toBe(ids.length)
    await again.close()
  })

  it("what is sent while the storage is looked through is not taken up, and sent, again", async () => {
    const type = "looked through"
    // The first answer comes after the second look has read, and before it knows whose the events are.
    const door = await rig.door((n) => (n === 0 ? { delayMillis: 300 } : undefined))
    const options = { host: door.url, key: type, flushMillis: 20, retryMillis: 20 }
    const ids = await leaveStored(type, options)
    const again = await browsers.context().newPage()
    await again.goto(browsers.site().url)
    await again.evaluate(() => {
      const query = navigator.locks.query.bind(navigator.locks)
      navigator.locks.query = async () => {
        await new Promise((resolve) => setTimeout(resolve, 300))
        return query()
      }
    })
    await startClient(again, options)
    await until("all are sent", async () => (await statsOf(handleOf(again))).sent >= EVENTS)
    // Another two looks.
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    expect(await statsOf(handleOf(again))).toEqual({ queued: 0, sent: EVENTS, dropped: 0 })
    await rig.expectExactly(type, ids)
    await again.close()
  })

  it(`check ${check("offline → online")}`, async () => {
    const { options, type } = await scene("offline → online")
    // No timer would come in this test's time: what sends is the browser's word that it is online again.
    const page = await open({ ...options, retryMillis: 3_600_000 })
    await browsers.context().setOffline(true)
    const ids = await trackMany(handleOf(page), type, EVENTS)
    await page.evaluate(() => client.flush())
    expect(await statsOf(handleOf(page))).toEqual({ queued: EVENTS, sent: 0, dropped: 0 })
    await browsers.context().setOffline(false)
    await nothingQueued(page)
    expect((await rig.expectExactly(type, ids)).size).toBe(ids.length)
    await page.close()
  })

  it(`check ${check("storage blocked")}`, async () => {
    const { options, type } = await scene("storage blocked")
    const page = await browsers.context().newPage()
    await page.goto(`${browsers.site().url}/sandbox`)
    const frame = page.frames()[1]!
    await until("the frame is loaded", () => frame.evaluate(() => "createClient" in window))
    expect(await frame.evaluate(() => indexedDB.open("x") && "open").catch(() => "blocked")).toBe("blocked")
    await startClient(frame, options)
    const ids = await trackMany(handleOf(frame), type, EVENTS)
    await nothingQueued(frame)
    const rows = await rig.expectExactly(type, ids)
    expect(new Set([...rows.values()].map(({ user_id }) => user_id)).size).toBe(1)
    await page.close()
  })

  it(`check ${check("quota full")}`, async () => {
    const { door, options, type } = await scene("quota full")
    const page = await open(options)
    const session = await browsers.context().newCDPSession(page)
    const { origin } = new URL(browsers.site().url)
    await door.shut()
    await session.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 1 })
    const ids = await trackMany(handleOf(page), type, EVENTS)
    await page.evaluate(() => client.flush())
    await door.open()
    await nothingQueued(page)
    await session.send("Storage.overrideQuotaForOrigin", { origin })
    expect((await rig.expectExactly(type, ids)).size).toBe(ids.length)
    expect(await statsOf(handleOf(page))).toEqual({ queued: 0, sent: EVENTS, dropped: 0 })
    await page.close()
  })

  it(`check ${check("corrupt records")}`, async () => {
    const { options, type } = await scene("corrupt records")
    const page = await browsers.context().newPage()
    await page.goto(browsers.site().url)
    const good = crypto.randomUUID()
    const torn = crypto.randomUUID()
    await page.evaluate(
      ([name, eventType, whole, broken]) =>
        new Promise<void>((resolve) => {
          const opening = indexedDB.open(name)
          opening.addEventListener("upgradeneeded", () => opening.result.createObjectStore("events"))
          opening.addEventListener("success", () => {
            const transaction = opening.result.transaction("events", "readwrite")
            const store = transaction.objectStore("events")
            const event = {
              event_id: whole,
              occurred_at: new Date(),
              user_id: "u",
              event_type: eventType,
              properties: {}
            }
            store.put(["gone", JSON.stringify(event), Date.now()], whole)
            store.put(["gone", `{"event_id":"${broken}","occurred`, Date.now()], broken)
            store.put(["gone", "{}", Date.now()], "another")
            store.put("text", "text")
            store.put(undefined, "nothing")
            store.put({ json: 1 }, 7)
            transaction.addEventListener("complete", () => {
              opening.result.close()
              resolve()
            })
          })
        }),
      [`millrace:${type}`, type, good, torn] as const
    )
    await startClient(page, options)
    const ids = await trackMany(handleOf(page), type, 3)
    await storedAre(page, type, 0)
    await nothingQueued(page)
    await rig.expectExactly(type, [good, ...ids])
    expect(await statsOf(handleOf(page))).toEqual({ queued: 0, sent: 4, dropped: 5 })
    const problems = await handleOf(page).problems()
    expect(problems.filter(({ code }) => code === "corrupt")).toHaveLength(4)
    expect(problems).toContainEqual(expect.objectContaining({ code: "http_400", eventIds: [torn] }))
    await page.close()
  })

  it(`check ${check("two tabs")}`, async () => {
    const { door, options, type } = await scene("two tabs")
    const [first, second] = [await open(options), await open(options)]
    const ids = [
      ...(await trackMany(handleOf(first), type, EVENTS)),
      ...(await trackMany(handleOf(second), type, EVENTS))
    ]
    await Promise.all([nothingQueued(first), nothingQueued(second)])
    // The living keep their hands off each other's events.
    expect(new Set(door.copies().values())).toEqual(new Set([1]))
    await door.shut()
    ids.push(...(await trackMany(handleOf(second), type, EVENTS)))
    await storedAre(first, type, EVENTS)
    await second.close()
    await door.open()
    await storedAre(first, type, 0)
    expect((await rig.expectExactly(type, ids)).size).toBe(ids.length)
    await first.close()
  })

  it(`check ${check("lock holder killed")}`, async () => {
    const { door, options, type } = await scene("lock holder killed")
    const holder = await open({ ...options, flushMillis: 3_600_000 })
    const heir = await open(options)
    await door.shut()
    const ids = [
      ...(await trackMany(handleOf(holder), type, EVENTS)),
      ...(await trackMany(handleOf(heir), type, EVENTS))
    ]
    await storedAre(heir, type, 2 * EVENTS)
    const crashed = holder.waitForEvent("crash")
    void holder.goto("chrome://crash").catch(() => {})
    await crashed
    await door.open()
    await storedAre(heir, type, 0)
    expect((await rig.expectExactly(type, ids)).size).toBe(ids.length)
    await Promise.all([holder.close(), heir.close()])
  })

  it(`check ${check("storage upgrade")}`, async () => {
    const { door, options, type } = await scene("storage upgrade")
    const old = await open(options)
    await door.shut()
    const ids = [...(await trackMany(handleOf(old), type, EVENTS))]
    await storedAre(old, type, EVENTS)
    // A later release brings another version of the database, while a page of ours has it open.
    const upgrader = await browsers.context().newPage()
    await upgrader.goto(`${browsers.site().url}/plain`)
    await upgrader.evaluate(
      (name) =>
        new Promise<void>((resolve) => {
          const opening = indexedDB.open(name, 7)
          opening.addEventListener("upgradeneeded", () => opening.result.createObjectStore("more"))
          opening.addEventListener("success", () => {
            opening.result.close()
            resolve()
          })
        }),
      `millrace:${type}`
    )
    ids.push(...(await trackMany(handleOf(old), type, EVENTS)))
    await storedAre(old, type, 2 * EVENTS)
    await old.close()
    await door.open()
    const next = await open(options)
    await storedAre(next, type, 0)
    expect((await rig.expectExactly(type, ids)).size).toBe(ids.length)
    await Promise.all([upgrader.close(), next.close()])
  })

  it(`check ${check("GPC")}`, async () => {
    const { door, options, type } = await scene("GPC")
    const page = await browsers.context().newPage()
    await page.addInitScript(() => Object.defineProperty(navigator, "globalPrivacyControl", { value: true }))
    await page.goto(browsers.site().url)
    await startClient(page, { ...options, respectPrivacySignals: true })
    expect(await trackMany(handleOf(page), type, 2)).toEqual(["", ""])
    await page.evaluate(() => client.flush())
    expect(await statsOf(handleOf(page))).toEqual({ queued: 0, sent: 0, dropped: 0 })
    expect(door.seen).toEqual([])
    // It is honoured when asked: a site that may track by other rules is not overruled.
    await startClient(page, options)
    const ids = await trackMany(handleOf(page), type, 2)
    await nothingQueued(page)
    expect((await rig.expectExactly(type, ids)).size).toBe(ids.length)
    await page.close()
  })

  it(`check ${check("opt-out purges")}`, async () => {
    const { door, options, type } = await scene("opt-out purges")
    const page = await open(options)
    await door.shut()
    const purged = await trackMany(handleOf(page), type, EVENTS)
    await storedAre(page, type, EVENTS)
    await page.evaluate(() => client.optOut())
    expect(await trackMany(handleOf(page), type, 1)).toEqual([""])
    await storedAre(page, type, 0)
    expect(await statsOf(handleOf(page))).toEqual({ queued: 0, sent: 0, dropped: EVENTS })
    expect(await dropsOf(handleOf(page))).toMatchObject([{ code: "purged", eventIds: purged }])
    await door.open()
    await page.reload()
    await startClient(page, options)
    expect(await trackMany(handleOf(page), type, 1)).toEqual([""])
    await page.evaluate(() => client.optIn())
    const ids = await trackMany(handleOf(page), type, 1)
    await nothingQueued(page)
    expect((await rig.expectExactly(type, ids)).size).toBe(ids.length)
    await page.close()
  })
})
