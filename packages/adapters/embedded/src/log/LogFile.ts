import { open } from "node:fs/promises"

/** The few file operations a log needs; tests put failures behind it. */
export interface LogFile {
  /** Writes all of `bytes` at `position`. */
  readonly write: (bytes: Uint8Array, position: number) => Promise<void>
  /** Reads until `target` is full or the file ends; returns the bytes read. */
  readonly read: (target: Uint8Array, position: number) => Promise<number>
  /** Makes data durable (and the size, where it changed). */
  readonly datasync: () => Promise<void>
  readonly truncate: (bytes: number) => Promise<void>
  readonly size: () => Promise<number>
  readonly close: () => Promise<void>
}

export type OpenLogFile = (path: string, flags: "r" | "r+" | "w+") => Promise<LogFile>

export const openLogFile: OpenLogFile = async (path, flags) => {
  const handle = await open(path, flags)
  return {
    write: async (bytes, position) => {
      for (let done = 0; done < bytes.length;) {
        const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done)
        done += bytesWritten
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
    truncate: (bytes) => handle.truncate(bytes),
    size: async () => (await handle.stat()).size,
    close: () => handle.close()
  }
}

/** Makes the names in a directory durable: a synced file without a synced name is lost with the power. */
export const syncDirectory = async (path: string): Promise<void> => {
  const handle = await open(path, "r")
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
