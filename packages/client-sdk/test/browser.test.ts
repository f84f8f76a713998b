import { afterEach, expect, it } from "vitest"
import { check } from "./checks.ts"
import { type Browsers, describeInBrowser, handleOf, openPage, startClient } from "./support/browser.ts"
import { type Driver, statsOf, trackMany } from "./support/Driver.ts"
import { identityChecks } from "./support/identityChecks.ts"
import { networkChecks } from "./support/networkChecks.ts"
import { type Rig, until, useRig } from "./support/rig.ts"
import { valueChecks } from "./support/valueChecks.ts"

const UNKNOWN = "events.invalid"

const makeDriver = ({ context, site }: Browsers): Driver => {
  let number = 0
  return {
    name: "browser",
    open: async (options) => handleOf(await openPage(context(), site(), { ...options, key: `key-${++number}` })),
    failLookups: async (times) => {
      let left = times
      await context().route(`http://${UNKNOWN}:*/**`, async (route) => {
        const { port } = new URL(route.request().url())
        if (left-- > 0) await route.abort("namenotresolved")
        else await route.continue({ url: `http://127.0.0.1:${port}/events` })
      })
      return UNKNOWN
    }
  }
}

const DAY_MILLIS = 86_400_000

/** Runs in the page: its clock is off from now on. */
const shiftClock = (millis: number) => {
  const Real = Date
  const now = () => Real.now() + millis
  globalThis.Date = new Proxy(Real, {
    construct: (target, [value = now()]: ReadonlyArray<number | undefined>) => new target(value),
    get: (target, name) => (name === "now" ? now : Reflect.get(target, name))
  })
}

const clockChecks = ({ context, site }: Browsers, rig: Rig) => {
  it.each([-DAY_MILLIS, DAY_MILLIS])(`${check("clock ± 1 day")}: %i ms`, async (off) => {
    const type = `${check("clock ± 1 day")} ${off}`
    const door = await rig.door()
    const page = await context().newPage()
    await page.addInitScript(shiftClock, off)
    await page.goto(site().url)
    await startClient(page, { host: door.url, key: type, flushMillis: 10 })
    const before = Date.now()
    const ids = await trackMany(handleOf(page), type, 3)
    await page.evaluate(() => client.flush())
    const rows = await rig.expectExactly(type, ids)
    for (const { occurred_at, skew_micros } of rows.values()) {
      // Stored apart, and good to the time that the request took.
      expect(Math.abs(skew_micros / 1_000 + off)).toBeLessThan(60_000)
      expect(Math.abs(occurred_at / 1_000 - before)).toBeLessThan(60_000)
    }
  })

  it.each([40 * DAY_MILLIS, -DAY_MILLIS / 2])(`${check("clock jump")}: %i ms`, async (jump) => {
    const type = `${check("clock jump")} ${jump}`
    // The jump lies between track and a retry, and is longer than events may wait.
    const door = await rig.door((n) => (n === 0 ? { status: 503 } : undefined))
    const page = await openPage(context(), site(), {
      host: door.url,
      key: type,
      flushMillis: 3_600_000,
      retryMillis: 20
    })
    const ids = [...(await trackMany(handleOf(page), type, 3))]
    await page.evaluate(() => client.flush())
    await page.evaluate(shiftClock, jump)
    ids.push(...(await trackMany(handleOf(page), type, 3)))
    await until("nothing is queued", async () => (await statsOf(handleOf(page))).queued === 0)
    await rig.expectExactly(type, ids)
    expect(await statsOf(handleOf(page))).toEqual({ queued: 0, sent: 6, dropped: 0 })
  })
}

await describeInBrowser("Chromium", (browsers) => {
  const rig = useRig()
  const driver = makeDriver(browsers)
  afterEach(async () => {
    await Promise.all(
      browsers
        .context()
        .pages()
        .slice(1)
        .map((page) => page.close())
    )
  })
  networkChecks(driver, rig)
  valueChecks(driver, rig)
  identityChecks(driver, rig)

  clockChecks(browsers, rig)

  it(`${check("no unhandled rejection")}: no page of these tests saw one`, () => {
    expect(browsers.pageErrors()).toEqual([])
  })
})
