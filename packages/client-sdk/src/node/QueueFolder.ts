import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync
} from "node:fs"
import { join } from "node:path"
import { isAlive, processName } from "./processName.ts"

/** An event of a process that ended; `undefined` for a line that cannot be read. */
export type Found = { readonly id: string; readonly json: string; readonly at: number } | undefined

const SUFFIX = ".millrace.ndjson"
/** The file is rewritten when it holds this much more than what still waits. */
const SLACK_BYTES = 8 * 1024 * 1024

/**
 * The queue's copy in a file of this process: a line `[id, JSON, tracked at]` for an event, `[id]` once it is settled.
 * Written before `track` returns, so a kill loses nothing; not synced, so a power failure may.
 */
export class QueueFolder {
  readonly #folder: string
  #path: string
  #file: number
  #bytes = 0
  #liveBytes = 0
  readonly #live = new Map<string, string>()

  /** Throws what the file system throws. */
  constructor(folder: string) {
    mkdirSync(folder, { recursive: true })
    this.#folder = folder
    this.#path = this.#newPath()
    this.#file = openSync(this.#path, "a")
  }

  #newPath(): string {
    return join(this.#folder, `${processName}-${crypto.randomUUID()}${SUFFIX}`)
  }

  put(id: string, json: string, at: number): void {
    const line = `${JSON.stringify([id, json, at])}\n`
    this.#live.set(id, line)
    this.#liveBytes += line.length
    this.#write(line)
  }

  remove(ids: ReadonlyArray<string>): void {
    const gone = ids.filter((id) => {
      this.#liveBytes -= this.#live.get(id)?.length ?? 0
      return this.#live.delete(id)
    })
    if (gone.length === 0) return
    if (this.#live.size === 0) {
      ftruncateSync(this.#file, 0)
      this.#bytes = 0
    } else this.#write(gone.map((id) => `${JSON.stringify([id])}\n`).join(""))
  }

  #write(text: string): void {
    const bytes = Buffer.from(text)
    for (let done = 0; done < bytes.length;) done += writeSync(this.#file, bytes, done)
    this.#bytes += bytes.length
    if (this.#bytes > 2 * this.#liveBytes + SLACK_BYTES) this.#compact()
  }

  #compact(): void {
    const [oldPath, oldFile] = [this.#path, this.#file]
    this.#path = this.#newPath()
    this.#file = openSync(this.#path, "a")
    this.#bytes = 0
    for (const line of this.#live.values()) this.#write(line)
    closeSync(oldFile)
    rmSync(oldPath)
  }

  /** Takes over the files of processes that are gone. A file is renamed first, so that only one process gets it. */
  adopt(): ReadonlyArray<Found> {
    const names = readdirSync(this.#folder).filter((name) => name.endsWith(SUFFIX) && !isAlive(name))
    return names.flatMap((name) => {
      const mine = this.#newPath()
      try {
        renameSync(join(this.#folder, name), mine)
      } catch {
        return []
      }
      const found = readLines(readFileSync(mine, "utf8"))
      for (const event of found) if (event) this.put(event.id, event.json, event.at)
      rmSync(mine)
      return found
    })
  }

  close(): void {
    closeSync(this.#file)
    if (this.#live.size === 0) rmSync(this.#path)
  }
}

const readLines = (text: string): ReadonlyArray<Found> => {
  const live = new Map<string, Found>()
  const broken: Array<Found> = []
  for (const line of text.split("\n")) {
    if (line === "") continue
    const [id, json, at] = parseLine(line)
    if (typeof id !== "string" || (json !== undefined && (typeof json !== "string" || typeof at !== "number"))) {
      broken.push(undefined)
    } else if (json === undefined) live.delete(id)
    else live.set(id, { id, json, at: at as number })
  }
  return [...live.values(), ...broken]
}

const parseLine = (line: string): ReadonlyArray<unknown> => {
  try {
    const parsed: unknown = JSON.parse(line)
    return Array.isArray(parsed) ? parsed : []
  } catch {
    return []
  }
}
