import type { Finding } from "./Finding.ts"
import { VERSION } from "../version.ts"

/** The first whose SQLite needs no flag and locks the folder. */
const NODE = [22, 19] as const

export const checkRuntime = (): ReadonlyArray<Finding> => {
  const node = process.versions.node
  const [major = 0, minor = 0] = node.split(".").map(Number)
  const ok = major > NODE[0] || (major === NODE[0] && minor >= NODE[1])
  return [
    { name: "millrace", ok: true, detail: VERSION },
    {
      name: "node",
      ok,
      detail: `${node} on ${process.platform}-${process.arch}`,
      ...(ok ? {} : { advice: `install Node ${NODE.join(".")} or newer` })
    }
  ]
}
