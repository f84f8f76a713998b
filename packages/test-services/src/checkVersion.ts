import type { Program } from "./service.ts"
import { run } from "./run.ts"

export interface VersionCheck {
  /** What the program prints its version after, like `v` or `v=`. */
  readonly pattern: RegExp
  /** Start of the version that is wanted, like `2.15`; any when not given. */
  readonly version?: string | undefined
  /** The lowest version that will do, like `[2, 10]`. */
  readonly atLeast?: readonly [major: number, minor: number] | undefined
}

/**
 * The program, once it has said itself which version it is: neither a folder's name nor a package's tells what really
 * runs. Throws when it is another, too old a one, or does not start.
 */
export const checkVersion = async (program: Program, check: VersionCheck): Promise<Program> => {
  const { environment } = program
  const printed = await run(program.binary, ["--version"], environment === undefined ? {} : { environment })
  const said = check.pattern.exec(printed)?.[1]
  if (said === undefined) throw new Error(`${program.origin} does not say its version: ${printed.trim().slice(0, 80)}`)
  if (!startsWith(said, check.version ?? "")) throw new Error(`${program.origin} is ${said}, not ${check.version}`)
  const [major, minor] = check.atLeast ?? [0, 0]
  const [saidMajor = 0, saidMinor = 0] = said.split(".").map(Number)
  if (saidMajor < major || (saidMajor === major && saidMinor < minor)) {
    throw new Error(`${program.origin} is ${said}, older than ${major}.${minor}`)
  }
  return { ...program, origin: `${program.origin} ${said}` }
}

/** By whole numbers: 2.1 does not begin 2.10. */
const startsWith = (version: string, start: string) => start === "" || `${version}.`.startsWith(`${start}.`)
