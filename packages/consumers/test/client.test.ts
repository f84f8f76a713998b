import { execFile } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { run } from "@millrace/test-services"
import { describe, expect, it } from "vitest"
import { isAsked, projectFolder, writeFiles } from "./support/project.ts"

interface Compiler {
  readonly module: string
  readonly moduleResolution: string
  readonly lib: ReadonlyArray<string>
  readonly types?: ReadonlyArray<string>
}

const WITH_DOM = ["ES2023", "DOM", "DOM.Iterable"]
const nodenext = { module: "NodeNext", moduleResolution: "nodenext" }
const node16 = { module: "Node16", moduleResolution: "node16" }
const bundler = { module: "ESNext", moduleResolution: "bundler" }

const EVENTS = `
const events = client as { track(type: "purchase", properties: { amount: number }): string }
events.track("purchase", { amount: 3 })
export const held: number = client.stats().queued
`
const IN_BROWSER = `import { createClient } from "@millrace/client"
const client = createClient<{ purchase: { amount: number } }>({
  host: "https://events.example", key: "k", respectPrivacySignals: true, consent: "pending", persistence: "memory"
})
// @ts-expect-error an option of Node's
createClient({ host: "https://events.example", queueFolder: "/tmp" })
${EVENTS}`
const IN_NODE = `import { createClient } from "@millrace/client"
const client = createClient<{ purchase: { amount: number } }>({ host: "https://events.example", queueFolder: "/tmp" })
// @ts-expect-error an option of browsers
createClient({ host: "https://events.example", respectPrivacySignals: true })
${EVENTS}`
const AT_THE_EDGE = `import { createClient } from "@millrace/client/portable"
import { sessions } from "@millrace/client/plugins"
const client = createClient<{ purchase: { amount: number } }>({ host: "https://events.example", waitUntil: () => {} })
sessions(client)
${EVENTS}`

let compiled = 0

/** What the compiler says, with every declaration checked; nothing when it takes the file. */
const compile = (options: Compiler, files: Readonly<Record<string, string>>, compiler = "typescript") => {
  const compilerOptions = { ...options, target: "ES2023", strict: true, noEmit: true, types: options.types ?? [] }
  const home = writeFiles(join(projectFolder, `client-types-${compiled++}`), {
    ...files,
    "tsconfig.json": JSON.stringify({ compilerOptions, include: ["*.ts", "*.cts"] })
  })
  const tsc = join(projectFolder, "node_modules", compiler, "bin", "tsc")
  return new Promise<string>((resolve) => {
    execFile(process.execPath, [tsc, "-p", "tsconfig.json"], { cwd: home }, (_, printed) => resolve(printed))
  })
}

describe.skipIf(!isAsked)("the client's types, without skipLibCheck", () => {
  for (const compiler of ["typescript", "typescript-5"]) {
    it(`${compiler}: with a bundler the options are the browser's, with DOM and without`, async () => {
      expect(await compile({ ...bundler, lib: WITH_DOM }, { "main.ts": IN_BROWSER }, compiler)).toBe("")
      expect(await compile({ ...bundler, lib: ["ES2023"] }, { "main.ts": IN_BROWSER }, compiler)).toBe("")
    })
    it(`${compiler}: in Node the options are Node's, as a module and as CommonJS`, async () => {
      const files = { "main.ts": IN_NODE, "main.cts": IN_NODE }
      expect(await compile({ ...nodenext, lib: ["ES2023"], types: ["node"] }, files, compiler)).toBe("")
      expect(await compile({ ...node16, lib: WITH_DOM, types: ["node"] }, files, compiler)).toBe("")
    })
    it(`${compiler}: the portable build needs neither DOM nor Node's types`, async () => {
      expect(await compile({ ...bundler, lib: ["ES2023"] }, { "main.ts": AT_THE_EDGE }, compiler)).toBe("")
    })
  }
})

const APP = `import { createClient } from "@millrace/client"
import { pageViews } from "@millrace/client/plugins"
globalThis.app = [createClient, pageViews]
`

describe.skipIf(!isAsked)("the client, bundled", () => {
  const bundle = async (name: string, ...flags: ReadonlyArray<string>) => {
    const home = writeFiles(join(projectFolder, `bundle-${name}`), { "main.js": APP })
    const esbuild = join(projectFolder, "node_modules", "esbuild", "bin", "esbuild")
    await run(process.execPath, [esbuild, "main.js", "--bundle", "--format=esm", "--outfile=out.mjs", ...flags], {
      cwd: home
    })
    return readFileSync(join(home, "out.mjs"), "utf8")
  }

  it("esbuild for browsers takes the browser's build", async () => {
    const text = await bundle("browser", "--platform=browser")
    expect(text).toContain("indexedDB")
    expect(text).not.toContain("node:")
  })

  it("esbuild for Node takes Node's", async () => {
    expect(await bundle("node", "--platform=node")).toContain("node:worker_threads")
  })

  for (const condition of ["workerd", "edge-light"]) {
    it(`esbuild for ${condition} takes one that assumes no page and no Node`, async () => {
      const text = await bundle(condition, "--platform=neutral", `--conditions=${condition}`)
      for (const name of ["node:", "indexedDB", "localStorage", "SharedArrayBuffer"])
        expect(text.split("plugins")[0]).not.toContain(name)
    })
  }

  it("Vite builds a page with it", async () => {
    const home = writeFiles(join(projectFolder, "vite"), {
      "index.html": '<!doctype html><script type="module" src="/main.js"></script>',
      "main.js": APP
    })
    await run(process.execPath, [join(projectFolder, "node_modules", "vite", "bin", "vite.js"), "build"], { cwd: home })
    expect(readFileSync(join(home, "dist", "index.html"), "utf8")).toContain("/assets/")
  })

  for (const environment of ["node", "jsdom"]) {
    it(`Jest requires it as it is, in ${environment}`, async () => {
      const home = writeFiles(join(projectFolder, `jest-${environment}`), {
        "package.json": JSON.stringify({ type: "commonjs", jest: { testEnvironment: environment } }),
        "client.test.js": `const { createClient } = require("@millrace/client")
const { sessions } = require("@millrace/client/plugins")
test("is there", () => expect([typeof createClient, typeof sessions]).toEqual(["function", "function"]))
`
      })
      const jest = join(projectFolder, "node_modules", "jest", "bin", "jest.js")
      // It fails where the test does.
      await expect(run(process.execPath, [jest, "--rootDir", home, "--watchman=false"], { cwd: home })).resolves.toBe(
        ""
      )
    })
  }
})

describe.skipIf(!isAsked)("the client at the edge", () => {
  it("works where there is fetch and nothing of Node, a page or a global scope that may do things", async () => {
    const home = writeFiles(join(projectFolder, "edge"), {
      "main.mjs": `import { readFileSync } from "node:fs"
import vm from "node:vm"
const text = readFileSync(process.argv[2], "utf8").replace(/export\\s*\\{\\s*(\\w+) as createClient\\s*\\};?/u, "globalThis.createClient = $1")
const requests = []
let isRequest = false
const only = (make) => (...args) => { if (!isRequest) throw new Error("disallowed in global scope"); return make(...args) }
const context = vm.createContext({
  console, TextEncoder, URL, AbortSignal, clearTimeout,
  setTimeout: only(setTimeout), Date, queueMicrotask,
  crypto: { getRandomValues: only((bytes) => crypto.getRandomValues(bytes)) },
  fetch: only(async (url, { body }) => {
    const { events } = JSON.parse(body)
    requests.push([url, events.length])
    return new Response(JSON.stringify({ accepted: events.length, rejected: [] }), { status: 202 })
  })
})
vm.runInContext(text, context)
context.deliveries = []
vm.runInContext('client = createClient({ host: "https://events.example/", waitUntil: (delivery) => deliveries.push(delivery) })', context)
isRequest = true
vm.runInContext('client.track("visit"); client.track("visit")', context)
await Promise.all(context.deliveries)
console.log(JSON.stringify({ requests, deliveries: context.deliveries.length, stats: context.client.stats() }))
`
    })
    const portable = join(projectFolder, "node_modules", "@millrace", "client", "dist", "portable.js")
    const printed = await run(process.execPath, ["main.mjs", portable], { cwd: home })
    expect(JSON.parse(printed)).toEqual({
      requests: [["https://events.example/events", 2]],
      deliveries: 1,
      stats: { queued: 0, sent: 2, dropped: 0 }
    })
  })
})
