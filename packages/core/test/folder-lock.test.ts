import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs"
import { hostname, tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { FolderInUse, folderOwner, lockFolder } from "@millrace/core/node"
import { afterEach, beforeEach, describe, expect, it } from "vitest"

const HOLDER = fileURLToPath(new URL("fixtures/lockHolder.ts", import.meta.url))
const AT_ONCE = { waitMillis: 0 }

let directory: string
let children: Array<ChildProcess> = []
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "millrace-lock-"))
})
afterEach(() => {
  for (const child of children) child.kill("SIGKILL")
  children = []
  rmSync(directory, { recursive: true })
})

const refusal = (): Promise<unknown> => lockFolder(directory, AT_ONCE).catch((error: unknown) => error)

interface Holder {
  readonly child: ChildProcess
  /** Its first line: `mine`, or why not. */
  readonly said: string
  readonly stderr: () => string
}

/** Another process that wants the folder; `command` runs it. */
const holder = async (command: ReadonlyArray<string>, waitMillis = 0): Promise<Holder> => {
  const [program, ...args] = [
    ...command,
    process.execPath,
    "--conditions=source",
    HOLDER,
    directory,
    String(waitMillis)
  ]
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] })
  children.push(child)
  let stderr = ""
  child.stderr.on("data", (text) => (stderr += String(text)))
  const [said] = (await once(createInterface(child.stdout), "line")) as [string]
  return { child, said, stderr: () => stderr }
}

const NAMESPACE = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
const namespaces = spawnSync(NAMESPACE[0]!, [...NAMESPACE.slice(1), "true"]).status === 0
const mustRun = process.env["CI"] === "true"
if (!namespaces && !mustRun) process.stderr.write("skipped: no PID namespaces: unshare is missing or needs root\n")

describe("lockFolder", () => {
  it("one owner at a time: the second is told process, host and moment of the first, until that lets go", async () => {
    const before = new Date().toISOString()
    const release = await lockFolder(directory)
    const error = await refusal()
    expect(error).toBeInstanceOf(FolderInUse)
    const { owner } = error as FolderInUse
    expect(owner).toMatchObject({ pid: process.pid, host: hostname(), here: true })
    expect(owner!.since >= before && owner!.since <= new Date().toISOString()).toBe(true)
    release()
    ;(await lockFolder(directory, AT_ONCE))()
  })

  it("no byte can be written, as on a full disk: it is locked all the same, and refused to a second one", async () => {
    ;(await lockFolder(directory))()
    const { said } = await holder(["sh", "-c", 'ulimit -f 0; exec "$@"', "sh"])
    expect(said).toBe("mine")
    expect(await refusal()).toBeInstanceOf(FolderInUse)
  })

  it("what lies in the folder decides nothing: a dead owner's note, this process's own id, a file cut short", async () => {
    const notes = ['{"pid":1,"started":""}', `{"pid":${process.pid},"started":"boot/1"}`, "", "{"]
    for (const note of notes) {
      writeFileSync(join(directory, "lock"), note)
      expect(folderOwner(directory)).toBeUndefined()
      const release = await lockFolder(directory, AT_ONCE)
      expect(await refusal()).toMatchObject({ owner: { pid: process.pid } })
      release()
      expect(existsSync(join(directory, "lock"))).toBe(false)
    }
  })

  it("an owner that nobody knows by name is an owner all the same", async () => {
    const release = await lockFolder(directory)
    for (const note of ["", '{"pid":1,"started":""}']) {
      writeFileSync(join(directory, "lock"), note)
      expect(String(await refusal())).toContain("in use by another process")
      expect(folderOwner(directory)).toEqual({ owner: undefined })
    }
    release()
  })

  it("of many at once one gets it", async () => {
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => lockFolder(directory, AT_ONCE)))
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1)
  })

  it("a lock that is let go while another waits is the other's", async () => {
    const release = await lockFolder(directory)
    const next = lockFolder(directory, { waitMillis: 60_000 })
    expect(await refusal()).toBeInstanceOf(FolderInUse)
    release()
    ;(await next)()
  })

  it("who only asks for the owner takes nothing and leaves nothing behind", async () => {
    expect(folderOwner(directory)).toBeUndefined()
    expect(readdirSync(directory)).toEqual([])
    const release = await lockFolder(directory)
    expect(folderOwner(directory)).toMatchObject({ owner: { pid: process.pid, here: true } })
    expect(statSync(join(directory, "lock.db")).size).toBe(0)
    release()
    expect(folderOwner(directory)).toBeUndefined()
  })

  it("nothing but this module's own words reach the terminal", async () => {
    const { child, said, stderr } = await holder([])
    child.kill("SIGKILL")
    await once(child, "close")
    expect([said, stderr()]).toEqual(["mine", ""])
  })
})

describe("lockFolder between processes", () => {
  it("another process is refused by name, and has the folder as soon as the owner is dead, its note left behind", async () => {
    const first = await holder([])
    const error = await refusal()
    expect(error).toMatchObject({ owner: { pid: first.child.pid, here: false } })
    expect((await holder([])).said).toContain(`process ${first.child.pid} on host ${hostname()}, since `)
    const second = holder([], 60_000)
    first.child.kill("SIGKILL")
    expect((await second).said).toBe("mine")
  })

  it("a zombie owns nothing: its parent may never ask how it ended", async () => {
    // The shell becomes a program that never looks at its children.
    const script = '"$@" & exec sleep 600'
    const { child, said } = await holder(["sh", "-c", script, "sh"])
    expect(said).toBe("mine")
    const pid = folderOwner(directory)?.owner?.pid ?? Number.NaN
    process.kill(pid, "SIGKILL")
    ;(await lockFolder(directory, { waitMillis: 60_000 }))()
    // Still there, as far as a process id tells.
    expect(process.kill(pid, 0)).toBe(true)
    expect(child.exitCode).toBeNull()
  })

  it.skipIf(!namespaces && !mustRun)(
    "process ids of another namespace say nothing: the owner there is an owner here",
    async () => {
      const first = await holder(NAMESPACE)
      expect(first.said).toBe("mine")
      expect(await refusal()).toMatchObject({ owner: { here: false } })
      expect((await holder(NAMESPACE)).said).toContain("in use by process ")
      const next = lockFolder(directory, { waitMillis: 60_000 })
      first.child.kill("SIGKILL")
      ;(await next)()
    }
  )
})
