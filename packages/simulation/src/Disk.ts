import type { Random } from "@millrace/test-services"
import { FileNode, FolderNode } from "./Node.ts"

/**
 * What a disk promises about names. `journal`: folder changes reach it in order, all before one that is synced, and the
 * sync of a file takes them along, as ext4 does. `ordered`: the same but for the sync of files. `strict`: the changes of
 * the folder that is synced and no others, as POSIX has it.
 */
export type Promises = "journal" | "ordered" | "strict"

interface Change {
  readonly folder: FolderNode
  readonly apply: (names: Map<string, FileNode | FolderNode>) => void
}

export class DiskError extends Error {
  readonly code: string
  constructor(code: string, call: string, path: string) {
    super(`${code}: ${call} '${path}'`)
    this.code = code
  }
}

const partsOf = (path: string): ReadonlyArray<string> => path.split("/").filter((part) => part !== "")

/** Folders and files that forget at a power cut what was not synced. */
export class Disk {
  readonly #promises: Promises
  readonly #root = new FolderNode()
  #changes: Array<Change> = []
  #nodes = 0

  constructor(promises: Promises) {
    this.#promises = promises
  }

  find(path: string): FileNode | FolderNode | undefined {
    let at: FileNode | FolderNode | undefined = this.#root
    for (const part of partsOf(path)) at = at instanceof FolderNode ? at.names.get(part) : undefined
    return at
  }

  file(call: string, path: string): FileNode {
    const found = this.find(path)
    if (found === undefined) throw new DiskError("ENOENT", call, path)
    if (found instanceof FolderNode) throw new DiskError("EISDIR", call, path)
    return found
  }

  folder(call: string, path: string): FolderNode {
    const found = this.find(path)
    if (found === undefined) throw new DiskError("ENOENT", call, path)
    if (found instanceof FileNode) throw new DiskError("ENOTDIR", call, path)
    return found
  }

  #placeOf(call: string, path: string): readonly [FolderNode, string] {
    const parts = partsOf(path)
    return [this.folder(call, parts.slice(0, -1).join("/")), parts.at(-1)!]
  }

  #change(folder: FolderNode, apply: Change["apply"]): void {
    apply(folder.names)
    this.#changes.push({ folder, apply })
  }

  makeFile(path: string): FileNode {
    const [folder, name] = this.#placeOf("open", path)
    const file = new FileNode(++this.#nodes)
    this.#change(folder, (names) => names.set(name, file))
    return file
  }

  makeFolders(path: string): void {
    let at = this.#root
    for (const part of partsOf(path)) {
      const found = at.names.get(part)
      if (found instanceof FileNode) throw new DiskError("ENOTDIR", "mkdir", path)
      const folder = found ?? new FolderNode()
      if (found === undefined) this.#change(at, (names) => names.set(part, folder))
      at = folder
    }
  }

  rename(from: string, to: string): void {
    const [source, old] = this.#placeOf("rename", from)
    const [target, name] = this.#placeOf("rename", to)
    const node = source.names.get(old)
    if (node === undefined) throw new DiskError("ENOENT", "rename", from)
    if (source !== target) throw new DiskError("EXDEV", "rename", from)
    this.#change(target, (names) => {
      names.delete(old)
      names.set(name, node)
    })
  }

  remove(path: string): void {
    const [folder, name] = this.#placeOf("rm", path)
    if (folder.names.has(name)) this.#change(folder, (names) => names.delete(name))
  }

  syncFolder(folder: FolderNode): void {
    const isKept = (change: Change) => this.#promises !== "strict" || change.folder === folder
    for (const change of this.#changes) if (isKept(change)) change.apply(change.folder.kept)
    this.#changes = this.#changes.filter((change) => !isKept(change))
  }

  syncFile(file: FileNode): void {
    file.sync()
    if (this.#promises === "journal") this.syncFolder(this.#root)
  }

  losePower(random: Random): void {
    const first = random.between(0, this.#changes.length)
    const kept =
      this.#promises === "strict" ? this.#changes.filter(() => random.chance(0.5)) : this.#changes.slice(0, first)
    for (const change of kept) change.apply(change.folder.kept)
    this.#changes = []
    const lose = (folder: FolderNode): void => {
      folder.names = new Map(folder.kept)
      for (const node of folder.names.values()) {
        if (node instanceof FileNode) node.losePower(random)
        else lose(node)
      }
    }
    lose(this.#root)
  }

  /** Paths of files that hold a text. */
  holding(text: string): ReadonlyArray<string> {
    const of = (folder: FolderNode, path: string): ReadonlyArray<string> =>
      [...folder.names].flatMap(([name, node]) => {
        if (node instanceof FolderNode) return of(node, `${path}/${name}`)
        return node.bytes.includes(text) ? [`${path}/${name}`] : []
      })
    return of(this.#root, "")
  }
}
