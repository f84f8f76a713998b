import { mkdirSync, rmSync, statSync, utimesSync } from "node:fs"
import { dirname, join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"

const repository = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))))

/** Git-ignored, shared by all packages and runs. */
export const toolsFolder = join(repository, ".tools")

const STALE_MILLIS = 60_000
const BEAT_MILLIS = 10_000

/** One process at a time, by a folder's creation; a holder that died stops touching it and is passed over. */
export const withLock = async <A>(name: string, body: () => Promise<A>): Promise<A> => {
  const lock = join(toolsFolder, `${name}.lock`)
  mkdirSync(toolsFolder, { recursive: true })
  while (!acquire(lock)) await sleep(200)
  const beat = setInterval(() => utimesSync(lock, new Date(), new Date()), BEAT_MILLIS)
  try {
    return await body()
  } finally {
    clearInterval(beat)
    rmSync(lock, { recursive: true, force: true })
  }
}

const acquire = (lock: string): boolean => {
  try {
    mkdirSync(lock)
    return true
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause
    const age = Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now())
    if (age > STALE_MILLIS) rmSync(lock, { recursive: true, force: true })
    return false
  }
}
