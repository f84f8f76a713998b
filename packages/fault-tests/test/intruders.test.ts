import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { describeWithProgram } from "@millrace/test-services/vitest"
import { expect, it } from "vitest"
import { findUnshare } from "../src/intruders/namespace.ts"
import { runIntruders } from "../src/intruders/runIntruders.ts"

const ROOT = fileURLToPath(new URL("../../..", import.meta.url))
/** Three kinds of intruders each. */
const rounds = Number(process.env["MILLRACE_INTRUSIONS"] ?? 1)
const ROUND_MILLIS = 120_000

describeWithProgram(
  "servers and commands in PID namespaces of their own, on one folder",
  { program: "PID namespaces", found: await findUnshare() },
  (unshare) => {
    it(
      "under load the second is refused, the first goes on; right after kill -9, and beside a zombie, the next one starts; nothing is lost or doubled",
      { timeout: (rounds + 3) * ROUND_MILLIS },
      async () => {
        const { findings, ...counts } = await runIntruders({
          main: join(ROOT, "packages/cli/src/main.ts"),
          rounds,
          unshare
        })
        console.log(`intruders: ${JSON.stringify(counts)}`)
        expect(findings).toEqual([])
        expect(counts.refused).toBe(3 * rounds)
      }
    )
  }
)
