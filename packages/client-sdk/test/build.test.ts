import { readFileSync } from "node:fs"
import vm from "node:vm"
import { gzipSync } from "node:zlib"
import { expect, it } from "vitest"
import { bundle } from "../build.ts"
import { check } from "./checks.ts"

/** Every visitor loads it. 3,000 bytes were kept until consent, `debug` and mistakes that are said came in. */
const LIMIT_BYTES = 3_500

const sizeOf = (text: string) => gzipSync(text, { level: 9 }).length

it("the browser's core is at most 3.5 KB, minified and gzipped", async () => {
  const core = sizeOf(await bundle("browser.js"))
  const others = await Promise.all(
    (["millrace.iife.js", "snippet.js", "plugins.js"] as const).map(
      async (name) => `${name} ${sizeOf(await bundle(name))}`
    )
  )
  console.log(`size, min+gzip: browser.js ${core} of ${LIMIT_BYTES} bytes; ${others.join(", ")}`)
  expect(core).toBeLessThanOrEqual(LIMIT_BYTES)
})

it("nothing is installed with it, and nothing is imported by it", async () => {
  const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as Record<
    string,
    unknown
  >
  expect(Object.keys(manifest).filter((field) => field.endsWith("ependencies"))).toEqual(["devDependencies"])
  for (const name of ["browser.js", "plugins.js", "portable.js"] as const)
    expect(await bundle(name)).not.toMatch(/\bimport\b/u)
  const imports = [...(await bundle("node.js")).matchAll(/from "([^"]+)"/gu)].map(([, from]) => from)
  expect(imports.every((from) => from!.startsWith("node:"))).toBe(true)
})

it(`check ${check("SSR import")}`, async () => {
  for (const name of ["browser.js", "plugins.js", "portable.js"] as const) {
    // No window, no document, no navigator: not even Node's own globals.
    const text = (await bundle(name)).replace(/export\s*\{[^}]*\};?\s*$/u, "")
    expect(() => vm.runInNewContext(text, {})).not.toThrow()
  }
  const browser = await import("../src/browser/index.ts")
  const plugins = await import("../src/plugins/index.ts")
  expect([browser.createClient, ...Object.values(plugins)].every((made) => typeof made === "function")).toBe(true)
})
