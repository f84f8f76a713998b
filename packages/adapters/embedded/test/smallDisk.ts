import { type Files, nodeFiles } from "@millrace/core/node"

const full = (path: string) =>
  Object.assign(new Error(`ENOSPC: no space left on device, write '${path}'`), { code: "ENOSPC" })

/** A disk with room for so many bytes: what does not fit any more is written as far as it goes, and fails. */
export class SmallDisk {
  room: number
  /** Bytes of each file. */
  readonly #sizes = new Map<string, number>()
  readonly files: Files

  constructor(room: number) {
    this.room = room
    this.files = {
      ...nodeFiles,
      open: async (path, flags, mode) => {
        const file = await nodeFiles.open(path, flags, mode)
        if (flags.startsWith("w")) this.#sizes.set(path, 0)
        return {
          ...file,
          write: async (bytes, position) => {
            const fits = Math.max(0, Math.min(bytes.length, this.#grow(path, position + bytes.length) - position))
            await file.write(bytes.subarray(0, fits), position)
            if (fits < bytes.length) throw full(path)
          },
          append: async (parts) => {
            const bytes = Buffer.concat(parts)
            const size = await file.size()
            if (this.#grow(path, size + bytes.length) < size + bytes.length) throw full(path)
            await file.append([bytes])
          },
          truncate: async (bytes) => {
            await file.truncate(bytes)
            this.#sizes.set(path, bytes)
          }
        }
      },
      rename: async (from, to) => {
        await nodeFiles.rename(from, to)
        this.#sizes.set(to, this.#sizes.get(from) ?? 0)
        this.#sizes.delete(from)
      },
      copyFile: async (from, to) => {
        const { size } = await nodeFiles.stat(from)
        if (this.#grow(to, size) < size) throw full(to)
        await nodeFiles.copyFile(from, to)
      },
      rm: async (path, options) => {
        await nodeFiles.rm(path, options)
        this.#sizes.delete(path)
      }
    }
  }

  get used(): number {
    return [...this.#sizes.values()].reduce((sum, size) => sum + size, 0)
  }

  /** Returns up to where the file reaches now. */
  #grow(path: string, end: number): number {
    const size = this.#sizes.get(path) ?? 0
    const reached = Math.max(size, Math.min(end, size + Math.max(0, this.room - this.used)))
    this.#sizes.set(path, reached)
    return reached
  }
}
