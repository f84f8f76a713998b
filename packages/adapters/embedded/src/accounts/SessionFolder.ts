import { randomUUID } from "node:crypto"
import { join } from "node:path"
import type { NewSession, Rotation } from "@millrace/core"
import { type Files, ignoreAbsence, nodeFiles } from "@millrace/core/node"
import { Schema } from "effect"
import { makeFolder } from "../log/makeFolder.ts"

const Kept = Schema.Struct({ user_id: Schema.String, generation: Schema.Int, expires_at: Schema.Int })
type Kept = typeof Kept.Type
const decode = Schema.decodeUnknownSync(Schema.fromJsonString(Kept))

/** Both become file names, and nothing else may. */
const HEX = /^[0-9a-f]{64}$/u

/** Begin the names of what is not a session yet, or not any more. */
const FRESH = ".new-"
const ENDED = ".ended-"
const FRESH_MILLIS = 600_000

const PRIVATE = 0o600
/** A refresh by another process renames the file between two looks; more often than this it does not. */
const LOOKS = 5

/**
 * Sessions as `<family>/<hash of the good token>`. To refresh is to rename the file, which one of many succeeds in,
 * whatever the number of processes; to end is to rename the folder away.
 */
export class SessionFolder {
  readonly #path: string
  readonly #files: Files
  #named = false

  constructor(path: string, files: Files = nodeFiles) {
    this.#files = files
    this.#path = path
  }

  async open({ expires_at, family, generation, hash, user_id }: NewSession): Promise<void> {
    if (!HEX.test(family) || !HEX.test(hash)) throw new Error("a session is named by 64 hex digits")
    const fresh = join(this.#path, `${FRESH}${randomUUID()}`)
    if (!this.#named) await makeFolder(this.#files, this.#path)
    this.#named = true
    await this.#files.mkdir(fresh, 0o700)
    const file = await this.#files.open(join(fresh, hash), "wx", PRIVATE)
    try {
      await file.write(Buffer.from(JSON.stringify({ user_id, generation, expires_at } satisfies Kept)), 0)
      await file.sync()
    } finally {
      await file.close()
    }
    await this.#files.syncDirectory(fresh)
    await this.#files.rename(fresh, join(this.#path, family))
    await this.#files.syncDirectory(this.#path)
  }

  async find(family: string): Promise<Kept | undefined> {
    if (!HEX.test(family)) return undefined
    for (let look = 0; look < LOOKS; look++) {
      const hash = await this.#hashOf(family)
      const text = hash === undefined ? undefined : await this.#read(family, hash)
      if (hash === undefined || text !== undefined) return text
    }
    throw new Error("a session changed with every look at it")
  }

  async rotate(family: string, hash: string, next: string, now: number): Promise<Rotation> {
    if (![family, hash, next].every((name) => HEX.test(name))) return "ended"
    const session = await this.#read(family, hash)
    if (session !== undefined && session.expires_at <= now) {
      await this.end(family)
      return "ended"
    }
    if (session !== undefined && (await this.#rename(join(family, hash), join(family, next)))) {
      await this.#files.syncDirectory(join(this.#path, family)).catch(ignoreAbsence)
      return "rotated"
    }
    return (await this.end(family)) ? "reused" : "ended"
  }

  async end(family: string): Promise<boolean> {
    const ended = `${ENDED}${randomUUID()}`
    if (!HEX.test(family) || !(await this.#rename(family, ended))) return false
    await this.#files.syncDirectory(this.#path)
    await this.#files.rm(join(this.#path, ended), { recursive: true })
    return true
  }

  /** Takes away what has expired, and what a crash left behind. */
  async sweep(now: number): Promise<void> {
    for (const name of (await this.#files.readdir(this.#path).catch(ignoreAbsence)) ?? []) {
      if (name.startsWith(ENDED) || (name.startsWith(FRESH) && (await this.#isStale(name, now)))) {
        await this.#files.rm(join(this.#path, name), { recursive: true })
      } else if (HEX.test(name) && ((await this.find(name))?.expires_at ?? now + 1) <= now) {
        await this.end(name)
      }
    }
  }

  async #isStale(name: string, now: number): Promise<boolean> {
    const found = await this.#files.stat(join(this.#path, name)).catch(ignoreAbsence)
    return found !== undefined && found.mtimeMs < now / 1000 - FRESH_MILLIS
  }

  async #hashOf(family: string): Promise<string | undefined> {
    return (await this.#files.readdir(join(this.#path, family)).catch(ignoreAbsence))?.[0]
  }

  async #read(family: string, hash: string): Promise<Kept | undefined> {
    const text = await this.#files.readText(join(this.#path, family, hash)).catch(ignoreAbsence)
    return text === undefined ? undefined : decode(text)
  }

  async #rename(from: string, to: string): Promise<boolean> {
    try {
      await this.#files.rename(join(this.#path, from), join(this.#path, to))
      return true
    } catch (error) {
      return ignoreAbsence(error) ?? false
    }
  }
}
