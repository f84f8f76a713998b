import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"

const LOCK_POLL_MILLIS = 200

const isAlive = (pid) => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === "EPERM"
  }
}

const tryLock = (lockPath) => {
  try {
    writeFileSync(lockPath, String(process.pid), { flag: "wx" })
    return undefined
  } catch (error) {
    if (error.code !== "EEXIST") throw error
  }
  let owner
  try {
    owner = Number(readFileSync(lockPath, "utf8"))
  } catch {
    return 0
  }
  // An empty file is a lock whose owner is just writing its id.
  if (owner > 0 && !isAlive(owner)) rmSync(lockPath, { force: true })
  return owner
}

/** Runs `work` while this process holds the lock file; waits for another live process that does. */
export const underLock = async (lockPath, say, work) => {
  mkdirSync(dirname(lockPath), { recursive: true })
  let told = false
  for (let owner = tryLock(lockPath); owner !== undefined; owner = tryLock(lockPath)) {
    if (!told && owner > 0) say(`waiting for another set-up (process ${owner})`)
    told ||= owner > 0
    await new Promise((resolve) => setTimeout(resolve, LOCK_POLL_MILLIS))
  }
  try {
    await work()
  } finally {
    rmSync(lockPath, { force: true })
  }
}
