import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { checkVersion } from "../src/checkVersion.ts"
import { unpackDebian } from "../src/debian.ts"
import { findBinary } from "../src/findBinary.ts"
import { nats } from "../src/index.ts"
import { toolsFolder } from "../src/toolsFolder.ts"

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "millrace-programs-"))
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true, force: true })
})

/** A program that prints what a real one of that version prints. */
const makeProgram = (name: string, says: string) => {
  const binary = join(folder, name)
  writeFileSync(binary, `#!/bin/sh\necho '${says}'\n`)
  chmodSync(binary, 0o755)
  return { binary, root: binary, origin: binary }
}

describe("a program is what it says itself", () => {
  const pattern = /v(\d\S*)/u
  it("one of another version is refused by both versions", async () => {
    const old = makeProgram("nats-server", "nats-server: v2.9.10")
    await expect(checkVersion(old, { pattern, version: "2.15" })).rejects.toThrow("is 2.9.10, not 2.15")
  })
  it("versions are compared by whole numbers", async () => {
    const program = makeProgram("nats-server", "nats-server: v2.10.27")
    await expect(checkVersion(program, { pattern, version: "2.1" })).rejects.toThrow("is 2.10.27, not 2.1")
    await expect(checkVersion(program, { pattern, atLeast: [2, 11] })).rejects.toThrow("older than 2.11")
    expect((await checkVersion(program, { pattern, atLeast: [2, 9], version: "2.10" })).origin).toContain("2.10.27")
  })
  it("one that does not say its version is refused", async () => {
    await expect(checkVersion(makeProgram("x", "hello"), { pattern })).rejects.toThrow("does not say its version")
  })
})

const hasApt = findBinary(["apt-get"]) !== undefined && findBinary(["dpkg"]) !== undefined

describe.skipIf(!hasApt)("a package", () => {
  const packages = join(toolsFolder, "debian", "packages")
  const forget = (start: string) => {
    for (const name of existsSync(packages) ? readdirSync(packages) : []) {
      if (name.startsWith(start)) rmSync(join(packages, name), { recursive: true })
    }
  }
  // diffutils is on every Debian: apt then has nothing to install, and brought nothing.
  it("that the machine has is brought all the same", { timeout: 300_000 }, async () => {
    forget("diffutils_")
    const { root } = await unpackDebian({ name: "diffutils", holds: "usr/bin/diff" })
    expect(existsSync(join(root, "usr/bin/diff"))).toBe(true)
    forget("diffutils_")
  })
  it("whose cached folder lacks the program is brought anew", { timeout: 300_000 }, async () => {
    forget("diffutils_")
    mkdirSync(join(packages, "diffutils_0"), { recursive: true })
    const { root } = await unpackDebian({ name: "diffutils", holds: "usr/bin/diff" })
    expect(existsSync(join(root, "usr/bin/diff"))).toBe(true)
    forget("diffutils_")
  })
  it("without the wanted program is an error that names both", { timeout: 300_000 }, async () => {
    await expect(unpackDebian({ name: "diffutils", holds: "usr/bin/nothing" })).rejects.toThrow(
      /the package diffutils \S+ brought no usr\/bin\/nothing/u
    )
  })
  it(
    "beside an older server of the machine's own: the version that was asked for runs",
    { timeout: 300_000 },
    async () => {
      makeProgram("nats-server", "nats-server: v2.9.10")
      vi.stubEnv("PATH", `${folder}:${process.env["PATH"]}`)
      const found = await nats({ version: "2.10" }).locate()
      expect(found).toMatchObject({ _tag: "Found", origin: expect.stringMatching(/package nats-server 2\.10\./u) })
    }
  )
})
