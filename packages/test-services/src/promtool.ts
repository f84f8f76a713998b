import { join } from "node:path"
import type { LocatedProgram } from "./chromium.ts"
import { unpackDebian } from "./debian.ts"
import { findBinary } from "./findBinary.ts"

const NAMES = ["promtool"]

/** Prometheus' own judge of rules: one on this machine, else Debian's. Never throws: the reason of a failure is the answer. */
export const promtool = async (): Promise<LocatedProgram> => {
  const here = findBinary(NAMES)
  if (here !== undefined) return { _tag: "Found", binary: here }
  try {
    const { root } = await unpackDebian({ name: "prometheus", holds: "usr/bin/promtool" })
    return { _tag: "Found", binary: join(root, "usr/bin/promtool") }
  } catch (cause) {
    return { _tag: "Missing", reason: cause instanceof Error ? cause.message : String(cause) }
  }
}
