import { findBinary } from "./findBinary.ts"
import { run } from "./run.ts"
import { withLock } from "./toolsFolder.ts"

export type LocatedProgram =
  | { readonly _tag: "Found"; readonly binary: string }
  | { readonly _tag: "Missing"; readonly reason: string }

const VARIABLE = "MILLRACE_TEST_CHROMIUM"
const NAMES = ["chromium", "chromium-browser", "google-chrome"]
const INSTALL_WITHIN_MILLIS = 600_000

/**
 * A Chromium for tests in a real browser: the one a variable names, one on this machine, or Debian's, which is installed
 * where we are root, as in CI. Never throws: the reason of a failure is the answer.
 */
export const chromium = async (): Promise<LocatedProgram> => {
  const binary = process.env[VARIABLE] ?? findBinary(NAMES)
  if (binary !== undefined) return { _tag: "Found", binary }
  try {
    return { _tag: "Found", binary: await withLock("chromium", install) }
  } catch (cause) {
    return { _tag: "Missing", reason: cause instanceof Error ? cause.message : String(cause) }
  }
}

const install = async (): Promise<string> => {
  const found = findBinary(NAMES)
  if (found !== undefined) return found
  if (process.getuid?.() !== 0 || findBinary(["apt-get"]) === undefined) {
    throw new Error(`no chromium on this machine; set ${VARIABLE}, or install it`)
  }
  const environment = { DEBIAN_FRONTEND: "noninteractive" }
  const options = { environment, timeoutMillis: INSTALL_WITHIN_MILLIS }
  await run("apt-get", ["update"], options)
  await run("apt-get", ["install", "-y", "--no-install-recommends", "chromium"], options)
  const installed = findBinary(NAMES)
  if (installed === undefined) throw new Error("the package chromium brought no program of that name")
  return installed
}
