// What a package exports is checked as its users' tools see it: publint for the manifest, attw for the types.
import { spawnSync } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const folders = ["packages", "packages/adapters"].flatMap((parent) =>
  readdirSync(join(root, parent)).map((name) => join(root, parent, name))
)
const manifestOf = (folder) => {
  try {
    return JSON.parse(readFileSync(join(folder, "package.json"), "utf8"))
  } catch {
    return undefined
  }
}

let failed = 0
let checked = 0
for (const folder of folders) {
  const manifest = manifestOf(folder)
  if (manifest === undefined || manifest.private) continue
  checked++
  for (const [tool, ...args] of [
    ["publint", "--strict", "."],
    ["attw", "--pack", ".", "--profile", "esm-only", "--format", "ascii", "--quiet"]
  ]) {
    const done = spawnSync("pnpm", ["exec", tool, ...args], { cwd: folder, encoding: "utf8" })
    if (done.status === 0) continue
    failed++
    console.error(`${manifest.name}: ${tool}\n${done.stdout}${done.stderr}`)
  }
}
console.log(`${checked} packages checked by publint and attw, ${failed} findings`)
process.exit(failed === 0 ? 0 : 1)
