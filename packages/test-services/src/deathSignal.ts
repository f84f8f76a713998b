import { existsSync } from "node:fs"

const SETPRIV = "/usr/bin/setpriv"

/** The command that the kernel kills with this process, however that ends; where it cannot, the command itself. */
export const withDeathSignal = (command: string, args: ReadonlyArray<string>): [string, ReadonlyArray<string>] =>
  process.platform === "linux" && existsSync(SETPRIV)
    ? [SETPRIV, ["--pdeathsig", "KILL", "--", command, ...args]]
    : [command, args]
