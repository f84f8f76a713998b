import { build, type BuildOptions, transform } from "esbuild"
import { mkdirSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { minify } from "terser"

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url))

/** For every target: names that start with an underscore are private to the package and become letters. */
const shared: BuildOptions = { bundle: true, mangleProps: /^_[a-z]/, legalComments: "none", logLevel: "error" }

const browser: BuildOptions = {
  ...shared,
  minifySyntax: true,
  minifyWhitespace: true,
  platform: "browser",
  target: "es2022"
}

/** One recipe for `dist` and for the tests, so that the tests run what is published. */
const targets = {
  "browser.js": { ...browser, format: "esm", entryPoints: [path("src/browser/index.ts")] },
  "millrace.iife.js": { ...browser, format: "iife", entryPoints: [path("src/browser/iife.ts")] },
  "snippet.js": { ...browser, format: "iife", entryPoints: [path("src/browser/snippet.ts")] },
  "plugins.js": { ...browser, format: "esm", entryPoints: [path("src/plugins/index.ts")] },
  "portable.js": { ...browser, format: "esm", entryPoints: [path("src/portable/index.ts")] },
  "node.js": {
    ...shared,
    platform: "node",
    target: "node20",
    format: "esm",
    entryPoints: [path("src/node/index.ts")]
  }
} as const satisfies Record<string, BuildOptions>

/** The bundle's text. Terser goes over the browser's, since every byte is loaded by every visitor: 5 % less. */
export const bundle = async (name: keyof typeof targets): Promise<string> => {
  const { outputFiles } = await build({ ...targets[name], write: false })
  const { text } = outputFiles[0]!
  if (name === "node.js") return text
  const { code } = await minify(text, {
    module: targets[name].format === "esm",
    // The "unsafe" ones assume that nobody replaced Object or String with something else.
    compress: {
      passes: 4,
      unsafe: true,
      unsafe_arrows: true,
      unsafe_methods: true,
      pure_getters: true,
      keep_fargs: false
    },
    ecma: 2020
  })
  return code!
}

/** The same for `require`: Jest and older programs load no ES modules. */
const commonJs = async (text: string): Promise<string> => (await transform(text, { format: "cjs" })).code

const write = async (name: keyof typeof targets) => {
  const text = await bundle(name)
  mkdirSync(path("dist/cjs"), { recursive: true })
  writeFileSync(path(`dist/${name}`), text)
  if (targets[name].format === "esm") writeFileSync(path(`dist/cjs/${name}`), await commonJs(text))
}

if (import.meta.main) {
  await Promise.all((Object.keys(targets) as Array<keyof typeof targets>).map(write))
  // What lies beside it is CommonJS, declarations too.
  writeFileSync(path("dist/cjs/package.json"), JSON.stringify({ type: "commonjs" }))
}
