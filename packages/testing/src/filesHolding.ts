import { readdirSync, readFileSync, statSync } from "node:fs"
import { join, relative } from "node:path"

/**
 * Files below a folder in whose bytes one of the texts lies, as `path: text`; a file that goes away meanwhile holds
 * nothing.
 */
export const filesHolding = (directory: string, texts: ReadonlyArray<string>): ReadonlyArray<string> => {
  const found: Array<string> = []
  for (const name of readdirSync(directory, { recursive: true, encoding: "utf8" })) {
    const path = join(directory, name)
    if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) continue
    const bytes = readFileSync(path)
    for (const text of texts) if (bytes.includes(text)) found.push(`${relative(directory, path)}: ${text}`)
  }
  return found.toSorted()
}
