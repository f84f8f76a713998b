import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { newerSources, renderSource, type Source, systemSources } from "./aptSources.ts"
import { findBinary } from "./findBinary.ts"
import { run } from "./run.ts"
import { toolsFolder, withLock } from "./toolsFolder.ts"

interface DebianPackage {
  readonly name: string
  /** A file that the package is wanted for, below its root, like `usr/bin/valkey-server`. */
  readonly holds: string
  /** Start of the version, like `2.9` or `2.15`; any when not given. */
  readonly version?: string | undefined
}

interface Unpacked {
  /** The package's root: programs lie under `usr/`. */
  readonly root: string
  readonly version: string
}

/**
 * A package and what it needs beyond the machine's own packages, without root and without touching the system:
 * apt works in folders of its own, `dpkg -x` unpacks. Cached in `.tools/`.
 */
export const unpackDebian = (wanted: DebianPackage): Promise<Unpacked> =>
  withLock("debian", async () => {
    const cached = findUnpacked(wanted)
    if (cached !== undefined) return cached
    if (findBinary(["apt-get"]) === undefined || findBinary(["dpkg"]) === undefined) {
      throw new Error("this is no Debian-like system")
    }
    const own = await openApt("own", systemSources())
    const version = await findVersion(own, wanted)
    if (version !== undefined) return unpack(own, wanted, version)
    const newer = await openApt("newer", newerSources(systemSources()))
    const newerVersion = await findVersion(newer, wanted)
    if (newerVersion === undefined) throw new Error(`no suite offers ${wanted.name} ${wanted.version ?? ""}`)
    return unpack(newer, wanted, newerVersion)
  })

const unpackedFolder = join(toolsFolder, "debian", "packages")

/** A folder without the wanted file is passed over: a run that brought nothing may have left it. */
const findUnpacked = ({ holds, name, version }: DebianPackage): Unpacked | undefined => {
  if (!existsSync(unpackedFolder)) return undefined
  const start = `${name}_${version ?? ""}`
  const found = readdirSync(unpackedFolder).find(
    (folder) =>
      folder.startsWith(start) && !folder.endsWith(".partial") && existsSync(join(unpackedFolder, folder, holds))
  )
  return found === undefined ? undefined : { root: join(unpackedFolder, found), version: found.slice(name.length + 1) }
}

interface Apt {
  readonly environment: Readonly<Record<string, string>>
  readonly archives: string
}

const FRESH_MILLIS = 24 * 3_600_000

const openApt = async (name: string, sources: ReadonlyArray<Source>): Promise<Apt> => {
  const folder = join(toolsFolder, "debian", name)
  const file = (path: string) => join(folder, path)
  for (const path of ["state/lists/partial", "cache/archives/partial", "parts"]) {
    mkdirSync(file(path), { recursive: true })
  }
  writeFileSync(file("parts/millrace.sources"), sources.map(renderSource).join("\n"))
  const settings = [
    `Dir::State "${file("state")}";`,
    `Dir::State::status "/var/lib/dpkg/status";`,
    `Dir::Cache "${file("cache")}";`,
    `Dir::Etc::sourcelist "/dev/null";`,
    `Dir::Etc::sourceparts "${file("parts")}";`,
    `APT::Sandbox::User "";`,
    `Acquire::Languages "none";`,
    `Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";`
  ]
  writeFileSync(file("apt.conf"), settings.join("\n"))
  const apt: Apt = { environment: { APT_CONFIG: file("apt.conf"), LC_ALL: "C" }, archives: file("cache/archives") }
  const stamp = file("updated")
  if (!existsSync(stamp) || Date.now() - Number(readFileSync(stamp, "utf8")) > FRESH_MILLIS) {
    await run("apt-get", ["update"], { environment: apt.environment })
    writeFileSync(stamp, String(Date.now()))
  }
  return apt
}

const findVersion = async (apt: Apt, { name, version = "" }: DebianPackage) => {
  const offers = await run("apt-cache", ["madison", name], { environment: apt.environment })
  const versions = offers
    .split("\n")
    .map((line) => line.split("|")[1]?.trim() ?? "")
    .filter((offer) => offer !== "" && offer.startsWith(version))
  return versions.toSorted((left, right) => right.localeCompare(left, "en", { numeric: true }))[0]
}

/**
 * The package with the libraries that the machine lacks, where apt can resolve them; alone where it would have to
 * replace the machine's, or where the machine has the package itself and apt therefore brings nothing.
 */
const unpack = async (apt: Apt, { holds, name }: DebianPackage, version: string): Promise<Unpacked> => {
  rmSync(apt.archives, { recursive: true, force: true })
  mkdirSync(join(apt.archives, "partial"), { recursive: true })
  const wanted = `${name}=${version}`
  const options = ["-y", "--no-install-recommends", "--no-remove", "--no-upgrade", "--download-only"]
  await run("apt-get", ["install", ...options, wanted], { environment: apt.environment }).catch(() => {})
  if (!archivesOf(apt).some((file) => file.startsWith(`${name}_`))) {
    await run("apt-get", ["download", wanted], { environment: apt.environment, cwd: apt.archives })
  }
  // A colon, as in an epoch, would end an entry of LD_LIBRARY_PATH.
  const root = join(unpackedFolder, `${name}_${version.replaceAll(":", "-")}`)
  const partial = `${root}.partial`
  rmSync(partial, { recursive: true, force: true })
  mkdirSync(partial, { recursive: true })
  for (const file of archivesOf(apt)) await run("dpkg", ["-x", join(apt.archives, file), partial])
  if (!existsSync(join(partial, holds))) throw new Error(`the package ${name} ${version} brought no ${holds}`)
  rmSync(root, { recursive: true, force: true })
  renameSync(partial, root)
  return { root, version }
}

const archivesOf = (apt: Apt) => readdirSync(apt.archives).filter((entry) => entry.endsWith(".deb"))
