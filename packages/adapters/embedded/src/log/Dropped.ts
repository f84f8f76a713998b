import type { Files } from "@millrace/core/node"

/** Files of a folder that are about to be gone. */
export class Dropped {
  readonly #files: Files
  readonly #directory: string
  readonly #paths = new Set<string>()

  constructor(files: Files, directory: string) {
    this.#files = files
    this.#directory = directory
  }

  add(path: string): void {
    this.#paths.add(path)
  }

  /** Durably: a power cut would bring a file back whose name was not synced away. */
  async remove(): Promise<void> {
    const paths = [...this.#paths]
    if (paths.length === 0) return
    for (const path of paths) await this.#files.rm(path)
    await this.#files.syncDirectory(this.#directory)
    for (const path of paths) this.#paths.delete(path)
  }
}
