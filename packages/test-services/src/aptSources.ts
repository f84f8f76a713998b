import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

/** Suites by role, so that no release is named here; a distribution without them offers only its own. */
const NEWER_SUITES = ["stable", "testing", "unstable"]

export interface Source {
  readonly uris: string
  readonly suites: string
  readonly components: string
  readonly signedBy: string | undefined
}

export const renderSource = (source: Source) =>
  [
    "Types: deb",
    `URIs: ${source.uris}`,
    `Suites: ${source.suites}`,
    `Components: ${source.components}`,
    ...(source.signedBy === undefined ? [] : [`Signed-By: ${source.signedBy}`]),
    ""
  ].join("\n")

/** The distribution's own archive, as the machine is set up; third parties' sources stay out. */
export const systemSources = (): ReadonlyArray<Source> => {
  const parts = "/etc/apt/sources.list.d"
  const names = existsSync(parts) ? readdirSync(parts).map((name) => join(parts, name)) : []
  const files = ["/etc/apt/sources.list", ...names].filter((file) => existsSync(file))
  const sources = files.flatMap((file) =>
    (file.endsWith(".sources") ? parseStanzas : parseLines)(readFileSync(file, "utf8"))
  )
  const codename = /^VERSION_CODENAME=(.+)$/mu.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? ""
  const own = sources.filter(
    ({ components, suites }) =>
      codename !== "" &&
      components.split(" ").includes("main") &&
      suites.split(" ").some((suite) => suite === codename || suite.startsWith(`${codename}-`))
  )
  if (own.length === 0) throw new Error("apt has no source of this distribution")
  return own
}

export const parseStanzas = (text: string): ReadonlyArray<Source> =>
  text
    .split(/\n\s*\n/u)
    .map((stanza) => {
      const field = (name: string) => new RegExp(`^${name}:\\s*(.+)$`, "imu").exec(stanza)?.[1]?.trim()
      return {
        uris: field("URIs") ?? "",
        suites: field("Suites") ?? "",
        components: field("Components") ?? "",
        signedBy: field("Signed-By")
      }
    })
    .filter(({ uris }) => uris !== "")

export const parseLines = (text: string): ReadonlyArray<Source> =>
  [...text.matchAll(/^deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+(.+)$/gmu)].map((match) => ({
    uris: match[2]!,
    suites: match[3]!,
    components: match[4]!.trim(),
    signedBy: /signed-by=(\S+)/u.exec(match[1] ?? "")?.[1]
  }))

export const newerSources = (sources: ReadonlyArray<Source>): ReadonlyArray<Source> => {
  const main = sources.find(({ suites }) => suites.split(" ").some((suite) => !suite.includes("-")))
  if (main === undefined || !/^ID=debian$/mu.test(readFileSync("/etc/os-release", "utf8"))) return sources
  return [{ ...main, suites: NEWER_SUITES.join(" "), components: "main" }]
}
