import { chromium as located } from "@millrace/test-services"
import { describeWithProgram } from "@millrace/test-services/vitest"
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type BrowserContext, chromium, type Page } from "playwright-core"
import { afterAll, beforeAll } from "vitest"
import type { createClient as create } from "../../src/browser/index.ts"
import type { BrowserOptions } from "../../src/browser/BrowserOptions.ts"
import type { Client, ClientProblem, Properties } from "../../src/core/types.ts"
import type { Handle } from "./Driver.ts"
import { openSite, type Site } from "./site.ts"

declare global {
  // What the test pages hold.
  var createClient: typeof create
  var client: Client<Record<string, Properties>>
  var problems: Array<ClientProblem>
}

export interface Browsers {
  readonly site: () => Site
  /** The suite's own browser, with a profile of its own. */
  readonly context: () => BrowserContext
  /** Another one; the same profile, when it is used again, holds what was stored. */
  readonly launch: (profile: string) => Promise<BrowserContext>
  readonly newProfile: () => string
  /** What pages threw, or rejected and nobody caught. */
  readonly pageErrors: () => ReadonlyArray<string>
}

const TIMEOUT_MILLIS = 120_000

/** A suite in a real browser. Where there is none it is skipped under a line that says so, and fails when `CI=true`. */
export const describeInBrowser = async (name: string, body: (browsers: Browsers) => void): Promise<void> => {
  const place = { program: "Chromium", found: await located(), timeout: TIMEOUT_MILLIS }
  describeWithProgram(name, place, (binary) => body(useBrowsers(binary)))
}

const useBrowsers = (binary: string): Browsers => {
  let site: Site
  let context: BrowserContext
  const open = new Set<BrowserContext>()
  const profiles: Array<string> = []
  const errors: Array<string> = []
  const newProfile = () => {
    profiles.push(mkdtempSync(join(tmpdir(), "millrace-browser-")))
    return profiles.at(-1)!
  }
  const launch = async (profile: string) => {
    const launched = await chromium.launchPersistentContext(profile, {
      executablePath: binary,
      args: ["--no-sandbox", "--disable-dev-shm-usage"],
      ignoreDefaultArgs: ["--disable-back-forward-cache"]
    })
    launched.on("weberror", (error) => void errors.push(String(error.error())))
    launched.once("close", () => open.delete(launched))
    open.add(launched)
    return launched
  }
  beforeAll(async () => {
    site = await openSite()
    context = await launch(newProfile())
  }, TIMEOUT_MILLIS)
  afterAll(async () => {
    await Promise.all([...open].map((each) => each.close()))
    await site.close()
    for (const profile of profiles) rmSync(profile, { recursive: true, force: true, maxRetries: 5 })
  })
  return { site: () => site, context: () => context, launch, newProfile, pageErrors: () => errors }
}

/** Makes the page's client; the page is at the site already. */
export const startClient = async (page: Pick<Page, "evaluate">, options: BrowserOptions): Promise<void> => {
  await page.evaluate((given) => {
    globalThis.problems = []
    globalThis.client = createClient({ ...given, onError: (problem) => void problems.push(problem) })
  }, options)
}

/** A page at the site with a client. */
export const openPage = async (context: BrowserContext, site: Site, options: BrowserOptions): Promise<Page> => {
  const page = await context.newPage()
  await page.goto(site.url)
  await startClient(page, options)
  return page
}

export const handleOf = (page: Pick<Page, "evaluate">): Handle => ({
  run: (script, argument) =>
    page.evaluate(
      // oxlint-disable-next-line no-eval -- the script's text is this test's own
      ([text, given]) => (0, eval)(`(${text})`)(client, given),
      [script.toString(), argument] as const
    ),
  problems: () => page.evaluate(() => problems)
})

/** How many events the page's origin holds in storage for the key. */
export const storedCount = (page: Page, key: string): Promise<number> =>
  page.evaluate(
    (name) =>
      new Promise<number>((resolve, reject) => {
        const opening = indexedDB.open(name)
        opening.addEventListener("error", () => reject(opening.error ?? new Error("it does not open")))
        opening.addEventListener("success", () => {
          const counting = opening.result.transaction("events").objectStore("events").count()
          counting.addEventListener("success", () => {
            opening.result.close()
            resolve(counting.result)
          })
        })
      }),
    `millrace:${key}`
  )

/** SIGKILL to the browser of a profile, found by its command line: the process that is nobody's child. */
export const killBrowser = (profile: string): void => {
  for (const entry of readdirSync("/proc").filter((name) => /^\d+$/u.test(name))) {
    const line = commandOf(entry)
    if (line.includes(`--user-data-dir=${profile}`) && !line.includes("--type=")) process.kill(Number(entry), "SIGKILL")
  }
}

const commandOf = (pid: string): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8")
  } catch {
    return ""
  }
}
