import { join } from "node:path"
import type { LocatedProgram } from "./chromium.ts"
import { unpackDebian } from "./debian.ts"
import { findBinary } from "./findBinary.ts"
import { run } from "./run.ts"

/** A tracer that can make system calls fail: one on this machine, else Debian's. Missing, too, where nothing may be traced. */
export const strace = async (): Promise<LocatedProgram> => {
  try {
    const binary =
      findBinary(["strace"]) ??
      join((await unpackDebian({ name: "strace", holds: "usr/bin/strace" })).root, "usr/bin/strace")
    await run(binary, ["-qq", "-o", "/dev/null", "-e", "trace=exit_group", "true"])
    return { _tag: "Found", binary }
  } catch (cause) {
    return { _tag: "Missing", reason: cause instanceof Error ? cause.message : String(cause) }
  }
}
