import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { npmInstall, run } from "@millrace/test-services"
import type { TestProject } from "vitest/node"

declare module "vitest" {
  interface ProvidedContext {
    /** The blank project with everything installed; `undefined` where it was not asked for. */
    readonly project: string | undefined
  }
}

const ROOT = dirname(dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url))))))

/** What users compile, bundle and test with. */
const TOOLS = {
  "@types/node": "24.10.1",
  esbuild: "0.28.2",
  jest: "30.5.2",
  "jest-environment-jsdom": "30.5.2",
  typescript: "7.0.2",
  "typescript-5": "npm:typescript@5.9.3",
  vite: "8.3.8"
}

/**
 * The lowest Node that the packages promise, and the lowest of the client: as npm packages, so that nothing else has to be
 * installed. The highest is the one that runs the tests.
 */
export const LOWEST = { packages: "22.19.0", client: "20.19.0" }

const nodePackage = () => {
  const platform = process.platform === "win32" ? "win" : process.platform
  const name = process.platform === "darwin" && process.arch === "arm64" ? "node-bin" : "node"
  return `${name}-${platform}-${process.arch}`
}

/** Packs what is published, and installs the tarballs by npm into a blank project, with nothing of the workspace near. */
export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  if (process.env["CI"] !== "true" && process.env["MILLRACE_CONSUMERS"] === undefined) {
    project.provide("project", undefined)
    return undefined
  }
  const folder = mkdtempSync(join(tmpdir(), "millrace-consumers-"))
  const tarballs = await packAll(folder)
  const manifest = {
    private: true,
    type: "module",
    dependencies: { ...tarballs, ...TOOLS },
    // Each names the others by version; none is to be looked for in a registry.
    overrides: tarballs
  }
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest))
  await npmInstall(["--engine-strict"], { cwd: folder })
  await bringNodes(folder)
  project.provide("project", folder)
  return () => rm(folder, { recursive: true, force: true })
}

const bringNodes = async (folder: string) => {
  for (const version of Object.values(LOWEST)) {
    const prefix = join(folder, `node-${version}`)
    await npmInstall(["--prefix", prefix, "--no-save", `${nodePackage()}@${version}`])
  }
}

/** The program of a Node that was brought. */
export const nodeOf = (folder: string, version: string): string =>
  join(folder, `node-${version}`, "node_modules", nodePackage(), "bin", "node")

const packAll = async (folder: string): Promise<Record<string, string>> => {
  const tarballs: Record<string, string> = {}
  const packages = ["packages", "packages/adapters"].flatMap((parent) =>
    readdirSync(join(ROOT, parent)).map((name) => join(ROOT, parent, name))
  )
  for (const path of packages) {
    const file = join(path, "package.json")
    if (!existsSync(file)) continue
    const manifest = JSON.parse(readFileSync(file, "utf8")) as { readonly name: string; readonly private?: boolean }
    // The suites are for writers of adapters, who have a test runner.
    if (manifest.private === true || manifest.name === "@millrace/testing") continue
    const printed = await run("pnpm", ["pack", "--json", "--pack-destination", folder], { cwd: path })
    tarballs[manifest.name] = `file:${(JSON.parse(printed) as { readonly filename: string }).filename}`
  }
  return tarballs
}
