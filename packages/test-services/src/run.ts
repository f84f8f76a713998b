import { execFile, type ExecFileException } from "node:child_process"

interface RunOptions {
  readonly cwd?: string
  readonly environment?: Readonly<Record<string, string>>
  readonly uid?: number
  readonly gid?: number
  readonly timeoutMillis?: number
}

/** A command's output; a failure carries what it printed. */
export const run = (command: string, args: ReadonlyArray<string>, options: RunOptions = {}): Promise<string> => {
  const { environment, timeoutMillis = 180_000, ...rest } = options
  return new Promise((resolve, reject) => {
    execFile(
      command,
      [...args],
      { ...rest, env: { ...process.env, ...environment }, timeout: timeoutMillis, maxBuffer: 16 * 1024 * 1024 },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout)
        else reject(new Error(`${command} ${args[0] ?? ""}: ${reasonOf(error, stderr, timeoutMillis)}`))
      }
    )
  })
}

const reasonOf = (error: ExecFileException, stderr: string, timeoutMillis: number): string =>
  `${error.killed === true ? `ended after ${timeoutMillis} ms: ` : ""}${(stderr || error.message).trim().slice(-500)}`
