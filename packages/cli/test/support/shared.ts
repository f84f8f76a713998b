import { existsSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const workspace = dirname(dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url))))))

/** A folder beside the repository with public vectors and histories; `undefined`, with a printed line, where it is absent. */
export const sharedFolder = (...names: ReadonlyArray<string>): string | undefined => {
  const path = join(workspace, "..", "shared", ...names)
  if (existsSync(path)) return path
  console.warn(`skipped: there is no ${path}`)
  return undefined
}
