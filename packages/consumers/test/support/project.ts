import { mkdirSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { inject } from "vitest"

const project = inject("project")

if (project === undefined) {
  process.stderr.write("skipped: packed packages in blank projects: they run with CI=true or MILLRACE_CONSUMERS=1\n")
}

/** Whether the laws of the installed packages run. */
export const isAsked = project !== undefined

/** The blank project's folder. */
export const projectFolder = project ?? ""

/** Writes files into a folder of its own below the project, so that packages resolve from there. */
export const writeFiles = (folder: string, files: Readonly<Record<string, string>>): string => {
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
  }
  return folder
}
