import { accessSync, constants, readdirSync, statSync } from "node:fs"
import { delimiter, join } from "node:path"

const isExecutable = (path: string) => {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

/** The first of `names` in `folders` or on PATH. */
export const findBinary = (names: ReadonlyArray<string>, folders: ReadonlyArray<string> = []): string | undefined => {
  const search = [...folders, ...(process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "")]
  for (const name of names) {
    const found = search.map((folder) => join(folder, name)).find(isExecutable)
    if (found !== undefined) return found
  }
  return undefined
}

/** Debian keeps PostgreSQL's programs off PATH; the highest version comes first. */
export const postgresFolders = (root = "/usr/lib/postgresql"): ReadonlyArray<string> => {
  try {
    return readdirSync(root)
      .toSorted((left, right) => Number(right) - Number(left))
      .map((version) => join(root, version, "bin"))
  } catch {
    return []
  }
}
