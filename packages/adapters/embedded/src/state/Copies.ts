import { join } from "node:path"
import { type Files, ignoreAbsence } from "@millrace/core/node"
import { copyPart } from "../log/copyPart.ts"
import type { DeadLetters } from "./DeadLetters.ts"

interface Request {
  readonly directory: string
  readonly done: () => void
  readonly failed: (cause: unknown) => void
}

/** Who copies the log: nothing is dropped meanwhile, and its state is copied between two checkpoints. */
export class Copies {
  #holds = 0
  readonly #asked = new Set<Request>()

  get held(): boolean {
    return this.#holds > 0
  }

  /** From now on, and once what goes on is done. */
  async hold(pruning: Promise<unknown>): Promise<() => void> {
    this.#holds++
    await pruning
    return () => void this.#holds--
  }

  /** `save` has to call {@link make} after a checkpoint. */
  async ask(directory: string, save: () => Promise<void>): Promise<void> {
    let request: Request | undefined
    const copied = new Promise<void>((done, failed) => {
      request = { directory, done, failed }
      this.#asked.add(request)
    })
    try {
      await Promise.all([save(), copied])
    } finally {
      this.#asked.delete(request!)
    }
  }

  async make(from: { readonly files: Files; readonly directory: string }, letters: DeadLetters): Promise<void> {
    for (const request of this.#asked) {
      this.#asked.delete(request)
      await copyState(from.files, from.directory, request.directory, letters).then(request.done, request.failed)
    }
  }
}

const FILES = ["checkpoint.json", "erasures.json"]

const copyState = async (files: Files, from: string, to: string, letters: DeadLetters): Promise<void> => {
  await files.mkdir(join(to, "log"), 0o700)
  await files.mkdir(join(to, "dead-letters"), 0o700)
  for (const name of FILES) {
    const bytes = (await files.stat(join(from, name)).catch(ignoreAbsence))?.size
    if (bytes !== undefined) await copyPart(files, join(from, name), join(to, name), bytes)
  }
  await letters.copyTo(join(to, "dead-letters"))
  await files.syncDirectory(to)
}
