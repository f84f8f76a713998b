import { run } from "./run.ts"

/** npm's own limit for one answer is five minutes, tried three times: one connection that hangs would outlast a suite. */
const LIMITS = ["--fetch-timeout=30000", "--fetch-retries=3", "--prefer-offline"]
const QUIET = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
const ATTEMPTS = 3
const ATTEMPT_MILLIS = 240_000

/** Installs packages from npm, without their scripts; an attempt that hangs or fails is made again, from what it left in the cache. */
export const npmInstall = async (
  args: ReadonlyArray<string>,
  options: { readonly cwd?: string } = {}
): Promise<void> => {
  for (let attempt = 1; ; attempt++) {
    try {
      await run("npm", ["install", ...args, ...QUIET, ...LIMITS], { ...options, timeoutMillis: ATTEMPT_MILLIS })
      return
    } catch (error) {
      if (attempt === ATTEMPTS) throw error
      process.stderr.write(`npm install, attempt ${attempt} of ${ATTEMPTS}: ${String(error)}\n`)
    }
  }
}
