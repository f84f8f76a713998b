import { type LocatedProgram, run } from "@millrace/test-services"

/** Before a command: it is process 1 of a PID namespace of its own, as in a container, and goes with who started it. */
export const inNamespace = (unshare: string): ReadonlyArray<string> => [
  unshare,
  "--pid",
  "--fork",
  "--mount-proc",
  "--kill-child"
]

/** What makes namespaces: missing, too, where this user may not. */
export const findUnshare = async (): Promise<LocatedProgram> => {
  try {
    const [binary, ...options] = inNamespace("unshare")
    await run(binary!, [...options, "true"])
    return { _tag: "Found", binary: binary! }
  } catch (cause) {
    return { _tag: "Missing", reason: cause instanceof Error ? cause.message : String(cause) }
  }
}
