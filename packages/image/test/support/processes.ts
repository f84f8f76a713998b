import { keepLog } from "@millrace/test-services"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { ROOT, type Service } from "./compose.ts"

const MAIN = `${ROOT}packages/cli/src/main.ts`

export interface Running {
  readonly url: string
  /** SIGTERM, and how it ended. */
  readonly stop: () => Promise<{ readonly code: number | null; readonly stderr: string }>
  readonly kill: () => Promise<void>
}

/** A service's process as the image's entry point starts it, with its environment; a volume is a new folder. */
export const startService = async (
  service: Pick<Service, "command">,
  environment: Record<string, string>
): Promise<Running> => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-compose-"))
  const child = spawn(process.execPath, ["--conditions=source", MAIN, ...(service.command ?? ["serve"])], {
    cwd: folder,
    env: { PATH: process.env["PATH"] ?? "", ...environment, ...dataIn(folder, environment) },
    stdio: ["ignore", "pipe", "pipe"]
  })
  keepLog(child, environment)
  let stderr = ""
  child.stderr.on("data", (chunk) => {
    stderr += String(chunk)
  })
  const ended = once(child, "exit").then(([code]) => {
    rmSync(folder, { recursive: true, force: true })
    return { code: code as number | null, stderr }
  })
  const url = await new Promise<string>((resolve, reject) => {
    createInterface(child.stdout).on("line", (line) => {
      const found = /^millrace listening on (\S+)/u.exec(line)?.[1]
      if (found !== undefined) resolve(found)
    })
    void ended.then(({ code }) => reject(new Error(`ended with ${code}: ${stderr}`)))
  })
  const signal = (name: NodeJS.Signals) => {
    child.kill(name)
    return ended
  }
  return { url, stop: () => signal("SIGTERM"), kill: async () => void (await signal("SIGKILL")) }
}

const dataIn = (folder: string, environment: Record<string, string>) =>
  environment["MILLRACE_DATA"] === undefined ? {} : { MILLRACE_DATA: join(folder, "data") }
