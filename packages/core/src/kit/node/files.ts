import { access, copyFile, mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises"

/** One open file. Every call ends with all of its bytes, or fails. */
export interface OpenFile {
  /** Writes all of `bytes` at `position`. */
  readonly write: (bytes: Uint8Array, position: number) => Promise<void>
  /** Writes all of `parts` behind one another, in one call: of several processes that append, each one's stay together. */
  readonly append: (parts: ReadonlyArray<Uint8Array>) => Promise<void>
  /** Reads until `target` is full or the file ends; returns the bytes read. */
  readonly read: (target: Uint8Array, position: number) => Promise<number>
  /** Makes data durable (and the size, where it changed). */
  readonly datasync: () => Promise<void>
  readonly sync: () => Promise<void>
  readonly truncate: (bytes: number) => Promise<void>
  readonly size: () => Promise<number>
  readonly close: () => Promise<void>
}

export type OpenFlags = "r" | "r+" | "w" | "w+" | "wx" | "a+"

/**
 * The one door to the disk: whatever has to outlive the process is read and written through it, so that a test can put
 * a disk behind it that fails and forgets. Names and errors are those of `node:fs/promises`.
 */
export interface Files {
  readonly open: (path: string, flags: OpenFlags, mode?: number) => Promise<OpenFile>
  readonly readText: (path: string) => Promise<string>
  readonly exists: (path: string) => Promise<boolean>
  readonly stat: (path: string) => Promise<{ readonly size: number; readonly ino: number; readonly mtimeMs: number }>
  /** Made with the folders above it; that it is there already is no failure. */
  readonly mkdir: (path: string, mode?: number) => Promise<void>
  readonly readdir: (path: string) => Promise<ReadonlyArray<string>>
  readonly rename: (from: string, to: string) => Promise<void>
  readonly copyFile: (from: string, to: string) => Promise<void>
  /** That it is not there is no failure. */
  readonly rm: (path: string, options?: { readonly recursive: boolean }) => Promise<void>
  /** Makes the names in a directory durable: a synced file without a synced name is lost with the power. */
  readonly syncDirectory: (path: string) => Promise<void>
}

/** `writev` takes at most 1,024 buffers on Linux. */
const BUFFERS_PER_WRITE = 1_024

const openNodeFile: Files["open"] = async (path, flags, mode) => {
  const handle = await open(path, flags, mode)
  return {
    write: async (bytes, position) => {
      for (let done = 0; done < bytes.length;) {
        const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done)
        done += bytesWritten
      }
    },
    append: async (parts) => {
      for (let at = 0; at < parts.length; at += BUFFERS_PER_WRITE) {
        const written = parts.slice(at, at + BUFFERS_PER_WRITE)
        const { bytesWritten } = await handle.writev(written)
        if (bytesWritten !== written.reduce((sum, part) => sum + part.length, 0)) {
          throw new Error(`short write to ${path}`)
        }
      }
    },
    read: async (target, position) => {
      let done = 0
      while (done < target.length) {
        const { bytesRead } = await handle.read(target, done, target.length - done, position + done)
        if (bytesRead === 0) break
        done += bytesRead
      }
      return done
    },
    datasync: () => handle.datasync(),
    sync: () => handle.sync(),
    truncate: (bytes) => handle.truncate(bytes),
    size: async () => (await handle.stat()).size,
    close: () => handle.close()
  }
}

/** The file system of this machine. */
export const nodeFiles: Files = {
  open: openNodeFile,
  readText: (path) => readFile(path, "utf8"),
  exists: (path) =>
    access(path).then(
      () => true,
      () => false
    ),
  stat,
  mkdir: async (path, mode) => void (await mkdir(path, { recursive: true, ...(mode === undefined ? {} : { mode }) })),
  readdir,
  rename,
  copyFile,
  rm: (path, options) => rm(path, { force: true, ...options }),
  syncDirectory: async (path) => {
    const handle = await open(path, "r")
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  }
}

/** For `catch`: what is not there is `undefined`, any other failure stays one. */
export const ignoreAbsence = (error: unknown): undefined => {
  if (!(error instanceof Error) || !("code" in error) || error.code !== "ENOENT") throw error
}
