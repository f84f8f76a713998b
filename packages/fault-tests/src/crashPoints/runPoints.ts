import { join } from "node:path"
import { strace } from "@millrace/test-services"
import { type CrashPoint, crashPoints, describePoint } from "./points.ts"
import { runPoint } from "./runPoint.ts"

interface PointsOptions {
  /** Part of descriptions. */
  readonly only: string
  readonly jobs: number
}

/** All of them, or those whose description holds a text; a line each and a total. */
export const runPoints = async (root: string, { jobs, only }: PointsOptions): Promise<boolean> => {
  const tracer = await strace()
  if (tracer._tag === "Missing") {
    console.log(`no strace: ${tracer.reason}`)
    return false
  }
  const place = { strace: tracer.binary, main: join(root, "packages/cli/src/main.ts") }
  const waiting: Array<CrashPoint> = crashPoints.filter((point) => describePoint(point).includes(only))
  const total = { points: waiting.length, failed: 0, struck: 0, acknowledged: 0 }
  const take = async (): Promise<void> => {
    for (let point = waiting.shift(); point !== undefined; point = waiting.shift()) {
      const { acknowledged, findings, output, struck } = await runPoint(point, place)
      total.acknowledged += acknowledged
      if (struck > 0) total.struck++
      if (findings.length > 0) total.failed++
      const state = findings.length > 0 ? "FAILED" : struck > 0 ? "ok" : "ok, never struck"
      console.log([`${state}: ${describePoint(point)}`, ...findings].join("\n  "))
      if (findings.length > 0) console.log(output)
    }
  }
  await Promise.all(Array.from({ length: jobs }, take))
  console.log(JSON.stringify(total))
  return total.failed === 0
}
