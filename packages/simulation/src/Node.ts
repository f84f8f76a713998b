import type { Random } from "@millrace/test-services"

const SECTOR_BYTES = 512

/** A file: what a program sees, and what of it the disk has promised to keep. */
export class FileNode {
  readonly ino: number
  #bytes: Buffer<ArrayBuffer> = Buffer.alloc(0)
  #kept: Buffer<ArrayBuffer> = Buffer.alloc(0)
  /** Sectors written since the last sync. */
  #unsynced = new Set<number>()
  #resized = false

  constructor(ino: number) {
    this.ino = ino
  }

  get bytes(): Buffer {
    return this.#bytes
  }

  get size(): number {
    return this.#bytes.length
  }

  write(bytes: Uint8Array, position: number): void {
    const end = position + bytes.length
    if (end > this.#bytes.length) this.truncate(end)
    this.#bytes.set(bytes, position)
    for (let sector = Math.floor(position / SECTOR_BYTES); sector * SECTOR_BYTES < end; sector++) {
      this.#unsynced.add(sector)
    }
  }

  truncate(bytes: number): void {
    const grown = Buffer.alloc(bytes)
    this.#bytes.copy(grown)
    // What is cut off and written again later is zero in between.
    for (let sector = Math.floor(bytes / SECTOR_BYTES); sector * SECTOR_BYTES < this.#bytes.length; sector++) {
      this.#unsynced.add(sector)
    }
    this.#bytes = grown
    this.#resized = true
  }

  sync(): void {
    const size = this.#resized ? this.#bytes.length : this.#kept.length
    if (size !== this.#kept.length) {
      const resized = Buffer.alloc(size)
      this.#kept.copy(resized)
      this.#kept = resized
    }
    // Only what is dirty: what an earlier sync failed to write is not written by a later one.
    for (const sector of this.#unsynced) {
      const from = sector * SECTOR_BYTES
      if (from < size) this.#bytes.copy(this.#kept, from, from, from + SECTOR_BYTES)
    }
    this.#unsynced.clear()
    this.#resized = false
  }

  /** As a kernel does after a sync that failed: the pages are clean from now on, and were never written. */
  forgetUnsynced(): void {
    this.#unsynced.clear()
  }

  /** Each sector that was not synced is the old one, the new one, a mixture, zeros or noise; never what was synced in it. */
  losePower(random: Random): void {
    const old = this.#kept
    const size = this.#resized && random.chance(0.5) ? this.#bytes.length : old.length
    const left = Buffer.alloc(size)
    old.copy(left, 0, 0, Math.min(size, old.length))
    const written = random.next()
    for (const sector of this.#unsynced) {
      const from = sector * SECTOR_BYTES
      if (from < size && random.chance(written)) this.#writeSector(left, from, random)
    }
    this.#bytes = left
    this.#kept = Buffer.from(left)
    this.#unsynced.clear()
    this.#resized = false
  }

  #writeSector(left: Buffer, from: number, random: Random): void {
    const form = random.next()
    const end = Math.min(from + SECTOR_BYTES, left.length, this.#bytes.length)
    const torn = form < 0.9 ? end : from + random.between(0, SECTOR_BYTES)
    for (let at = from; at < end; at++) {
      // What was synced and not written since is there whatever happens to its sector.
      if (this.#bytes[at] === (this.#kept[at] ?? 0)) continue
      if (at < torn) left[at] = this.#bytes[at]!
      else if (form >= 0.97) left[at] = random.between(0, 255)
      else if (form >= 0.94) left[at] = 0
    }
  }
}

/** A folder: the names that a program sees, and those that the disk has promised to keep. */
export class FolderNode {
  names = new Map<string, FileNode | FolderNode>()
  kept = new Map<string, FileNode | FolderNode>()
}
