import { afterEach, expect, it } from "vitest"
import { check } from "./checks.ts"
import { type Browsers, describeInBrowser, handleOf, openPage } from "./support/browser.ts"
import type { Driver } from "./support/Driver.ts"
import { identityChecks } from "./support/identityChecks.ts"
import { networkChecks } from "./support/networkChecks.ts"
import { useRig } from "./support/rig.ts"
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

await describeInBrowser("Chromium", (browsers) => {
  const rig = useRig()
  const driver = makeDriver(browsers)
  afterEach(async () => {
    await Promise.all(browsers.context().pages().slice(1).map((page) => page.close()))
  })
  networkChecks(driver, rig)
  valueChecks(driver, rig)
  identityChecks(driver, rig)

  it(`${check("no unhandled rejection")}: no page of these tests saw one`, () => {
    expect(browsers.pageErrors()).toEqual([])
  })
})
