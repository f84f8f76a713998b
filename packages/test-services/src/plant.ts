import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"

/** A bug planted by one replacement in one file: what the tests must be able to find. */
export interface PlantedBug {
  readonly name: string
  readonly file: string
  /** Stands in the file exactly once. */
  readonly search: string
  readonly replace: string
}

export const isApplicable = (root: string, { file, search }: PlantedBug): boolean =>
  readFileSync(join(root, file), "utf8").split(search).length === 2

const LEFT_OUT = new Set(["dist", ".turbo"])

const SHARED = ["node_modules", ".tools"]
/** What tests of a package need of the checkout. */
const SETTINGS = ["vitest.shared.ts", "tsconfig.base.json", "package.json"]

interface PlantOptions {
  /** Of the packages' folders. */
  readonly tests?: boolean
}

/** A copy of the packages' sources with the bug in it; dependencies are shared with the checkout. */
export const plant = (
  root: string,
  bug: PlantedBug,
  { tests = false }: PlantOptions = {}
): { readonly root: string; readonly remove: () => void } => {
  if (!isApplicable(root, bug)) throw new Error(`${bug.name}: its place is not in ${bug.file} exactly once`)
  const copy = mkdtempSync(join(tmpdir(), "millrace-mutant-"))
  cpSync(join(root, "packages"), join(copy, "packages"), {
    recursive: true,
    verbatimSymlinks: true,
    filter: (source) => !LEFT_OUT.has(basename(source)) && (tests || basename(source) !== "test")
  })
  for (const name of SHARED) symlinkSync(join(root, name), join(copy, name))
  if (tests) for (const name of SETTINGS) cpSync(join(root, name), join(copy, name))
  const file = join(copy, bug.file)
  writeFileSync(
    file,
    readFileSync(file, "utf8").replace(bug.search, () => bug.replace)
  )
  return { root: copy, remove: () => rmSync(copy, { recursive: true, force: true }) }
}
