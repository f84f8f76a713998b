import type { Files, OpenFile } from "@millrace/core/node"
import { DiskError } from "./Disk.ts"
import { FileNode, FolderNode } from "./Node.ts"
import type { World } from "./World.ts"

/** The door to the world's disk: every call waits for its turn. */
export const simulatedFiles = (world: World): Files => {
  const { disk } = world
  return {
    open: (path, flags) =>
      world.call({ name: `open(${flags})`, path, run: () => openFile(world, path, fileFor(world, path, flags)) }),
    readText: (path) =>
      world.call({ name: "readFile", path, run: () => disk.file("open", path).bytes.toString("utf8") }),
    exists: (path) => world.call({ name: "access", path, run: () => disk.find(path) !== undefined }),
    stat: (path) =>
      world.call({
        name: "stat",
        path,
        run: () => {
          const found = disk.find(path)
          if (found === undefined) throw new DiskError("ENOENT", "stat", path)
          return {
            size: found instanceof FileNode ? found.size : 0,
            ino: found instanceof FileNode ? found.ino : 0,
            mtimeMs: 0
          }
        }
      }),
    mkdir: (path) => world.call({ name: "mkdir", path, run: () => disk.makeFolders(path) }),
    readdir: (path) => world.call({ name: "readdir", path, run: () => [...disk.folder("scandir", path).names.keys()] }),
    rename: (from, to) => world.call({ name: `rename ${from}`, path: to, run: () => disk.rename(from, to) }),
    copyFile: (from, to) =>
      world.call({
        name: `copyFile ${from}`,
        path: to,
        run: () => disk.makeFile(to).write(disk.file("copyFile", from).bytes, 0)
      }),
    rm: (path) => world.call({ name: "rm", path, run: () => disk.remove(path) }),
    syncDirectory: (path) =>
      world.call({ name: "syncDirectory", path, run: () => disk.syncFolder(disk.folder("open", path)) })
  }
}

const fileFor = ({ disk }: World, path: string, flags: string): FileNode => {
  if (flags.startsWith("r")) return disk.file("open", path)
  const found = disk.find(path)
  if (found instanceof FolderNode) throw new DiskError("EISDIR", "open", path)
  if (found !== undefined && flags === "wx") throw new DiskError("EEXIST", "open", path)
  if (found !== undefined && flags.startsWith("w")) found.truncate(0)
  return found ?? disk.makeFile(path)
}

const openFile = (world: World, path: string, file: FileNode): OpenFile => {
  const call = <A>(name: string, run: () => A, strike?: () => void) =>
    world.call({ name, path, run, ...(strike === undefined ? {} : { strike }) })
  const write = (bytes: Uint8Array, position: () => number) => {
    // As they are at the time of the call: the caller may use the buffer again once it is answered, never before.
    const half = bytes.subarray(0, bytes.length >>> 1)
    return call(
      `write ${bytes.length}`,
      () => file.write(bytes, position()),
      () => file.write(half, position())
    )
  }
  const sync = (name: string) =>
    call(
      name,
      () => world.disk.syncFile(file),
      () => file.forgetUnsynced()
    )
  return {
    write: (bytes, position) => write(bytes, () => position),
    append: (parts) => write(Buffer.concat(parts), () => file.size),
    read: (target, position) =>
      call(`read ${target.length} at ${position}`, () =>
        position >= file.size ? 0 : file.bytes.copy(target, 0, position, position + target.length)
      ),
    datasync: () => sync("fdatasync"),
    sync: () => sync("fsync"),
    truncate: (bytes) => call(`truncate ${bytes}`, () => file.truncate(bytes)),
    size: () => call("fstat", () => file.size),
    close: () => call("close", () => undefined)
  }
}
