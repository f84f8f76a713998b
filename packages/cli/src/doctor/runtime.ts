import type { Finding } from "./Finding.ts"
import { VERSION } from "../version.ts"

const NODE_MAJOR = 20

export const checkRuntime = (): ReadonlyArray<Finding> => {
  const node = process.versions.node
  const ok = Number(node.split(".")[0]) >= NODE_MAJOR
  return [
    { name: "millrace", ok: true, detail: VERSION },
    {
      name: "node",
      ok,
      detail: `${node} on ${process.platform}-${process.arch}`,
      ...(ok ? {} : { advice: `install Node ${NODE_MAJOR} or newer` })
    }
  ]
}
