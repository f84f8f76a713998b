// Plain JavaScript, no dependencies, Node >= 20: brings the pinned Node and pnpm, installs, builds what changed, runs a task.
//   node scripts/bootstrap.mjs start|test|millrace|bench|faults|simulate|lint|turbo|exec [arguments…]
import { spawn, spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { constants } from "node:os"
import { delimiter, dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { underLock } from "./lock.mjs"

const NODE = "24.21.0"
const PNPM = "11.28.11"
const NODE_MAJOR = 24
const PARENT_POLL_MILLIS = 500
/** The rest of what npm says is a stack trace. */
const NPM_LINES = 4

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const tools = join(root, ".tools")
const windows = process.platform === "win32"
const say = (text) => process.stderr.write(`[setup] ${text}\n`)

class SetupError extends Error {}

// npm's own variables would make the tools below believe that they run inside npm; how to reach a registry is kept.
const NETWORK = /^npm_config_(?:registry|proxy|https_proxy|noproxy|cafile|strict_ssl)$/iu
const isForeign = (name) => !/^npm_/iu.test(name) || NETWORK.test(name)
const cleanEnv = Object.fromEntries(Object.entries(process.env).filter(([name]) => isForeign(name)))
const env = {
  ...cleanEnv,
  PATH: [join(tools, "node_modules", ".bin"), dirname(process.execPath), process.env.PATH].join(delimiter),
  NODE_COMPILE_CACHE: join(tools, "compile-cache"),
  MILLRACE_COMMAND: "npm run -s millrace --",
  TURBO_TELEMETRY_DISABLED: "1",
  DO_NOT_TRACK: "1"
}

/** Output goes to stderr: a task's stdout belongs to the task. */
const setUp = (command, args, options = {}) =>
  spawnSync(command, args, { cwd: root, env, stdio: ["ignore", 2, 2], shell: windows, ...options }).status === 0

// --- the pinned tools ---------------------------------------------------------------------------------------------

const platform = windows ? "win" : process.platform
const nodePackage = `${process.platform === "darwin" && process.arch === "arm64" ? "node-bin" : "node"}-${platform}-${process.arch}`

const installedVersion = (name) => {
  try {
    return JSON.parse(readFileSync(join(tools, "node_modules", name, "package.json"), "utf8")).version
  } catch {
    return undefined
  }
}

const systemNodeWorks = Number(process.versions.node.split(".")[0]) >= NODE_MAJOR
const hasNode = () => systemNodeWorks || installedVersion(nodePackage) === NODE

const hasPnpm = () => {
  if (installedVersion("pnpm") === PNPM) return true
  const found = spawnSync("pnpm", ["--version"], { cwd: root, env: cleanEnv, encoding: "utf8", shell: windows })
  return found.status === 0 && found.stdout.trim() === PNPM
}

// npm by default waits more than a minute before it says that there is no network.
const IMPATIENT = ["--fetch-retries=2", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"]

const bringTools = () => {
  const dependencies = {}
  if (!hasPnpm()) dependencies.pnpm = PNPM
  if (!hasNode()) dependencies[nodePackage] = NODE
  const wanted = Object.entries(dependencies).map(([name, version]) => `${name}@${version}`)
  if (wanted.length === 0) return
  for (const name of ["pnpm", nodePackage]) dependencies[name] ??= installedVersion(name)
  say(`bringing ${wanted.join(" and ")} into .tools (once)`)
  writeFileSync(join(tools, "package.json"), JSON.stringify({ private: true, dependencies }))
  const args = [
    "install",
    "--no-audit",
    "--no-fund",
    "--no-package-lock",
    "--loglevel=error",
    "--ignore-scripts",
    ...IMPATIENT
  ]
  const got = spawnSync("npm", args, { cwd: tools, env: cleanEnv, encoding: "utf8", shell: windows })
  if (got.status !== 0 || !hasNode() || !hasPnpm()) {
    process.stderr.write(`${(got.stderr ?? "").split("\n").slice(0, NPM_LINES).join("\n")}\n`)
    throw new SetupError(
      `could not get ${wanted.join(" and ")} from the npm registry. Check the network and npm's proxy settings, ` +
        `or install Node ${NODE_MAJOR} or newer and pnpm ${PNPM} yourself; then run the same command again.`
    )
  }
}

const nodeBinary = () =>
  systemNodeWorks ? process.execPath : join(tools, "node_modules", ".bin", windows ? "node.cmd" : "node")

// --- what has changed since the last time -------------------------------------------------------------------------

const PACKAGE_DIRECTORIES = ["packages", "packages/adapters", "examples"]

const packages = () =>
  [...PACKAGE_DIRECTORIES.flatMap((parent) => list(parent).map((name) => join(parent, name))), "bench"].filter((path) =>
    existsSync(join(root, path, "package.json"))
  )

const list = (path) => {
  try {
    return readdirSync(join(root, path)).toSorted()
  } catch {
    return []
  }
}

const fingerprint = (paths) => {
  const hash = createHash("sha256").update(`${NODE} ${PNPM}`)
  for (const path of paths) hash.update(path).update(readFileSync(join(root, path)))
  return hash.digest("hex")
}

const INSTALLED_BY = ["package.json", "pnpm-lock.yaml", "pnpm-workspace.yaml", ".pnpmfile.mjs"]
const installFingerprint = () => fingerprint([...INSTALLED_BY, ...packages().map((path) => join(path, "package.json"))])

/** Size and time of every file that a build reads: cheap enough to look at on each start. */
const buildFingerprint = () => {
  const hash = createHash("sha256").update(installFingerprint())
  const visit = (path) => {
    const stat = statSync(join(root, path), { throwIfNoEntry: false })
    if (stat?.isDirectory()) for (const name of list(path)) visit(join(path, name))
    else if (stat !== undefined) hash.update(`${path} ${stat.size} ${stat.mtimeMs}\n`)
  }
  for (const name of ["tsconfig.base.json", "tsup.shared.ts"]) visit(name)
  for (const path of packages()) {
    for (const name of ["src", "migrations", "tsconfig.build.json", "tsup.config.ts"]) visit(join(path, name))
  }
  return hash.digest("hex")
}

const stampPath = (name) => join(tools, `${name}-stamp`)

const isFresh = (name, wanted) => {
  try {
    return readFileSync(stampPath(name), "utf8") === wanted
  } catch {
    return false
  }
}

// --- set-up -------------------------------------------------------------------------------------------------------

const install = () => {
  const wanted = installFingerprint()
  if (isFresh("install", wanted) && existsSync(join(root, "node_modules", ".modules.yaml"))) return
  bringTools()
  say("installing dependencies")
  const args = [
    "install",
    "--frozen-lockfile",
    "--config.confirmModulesPurge=false",
    "--reporter=append-only",
    "--loglevel=warn"
  ]
  if (!setUp("pnpm", args, { env: { ...env, CI: "1" } })) {
    throw new SetupError(
      "pnpm install failed; its message is above. Without a network, run it once where there is one."
    )
  }
  writeFileSync(stampPath("install"), wanted)
}

const ENTRY = join(root, "packages", "cli", "dist", "main.js")

const build = () => {
  const wanted = buildFingerprint()
  if (isFresh("build", wanted) && existsSync(ENTRY)) return
  bringTools()
  say("building")
  const args = [
    "exec",
    "turbo",
    "run",
    "build",
    "--filter=millrace",
    "--output-logs=errors-only",
    "--log-order=grouped"
  ]
  const built = spawnSync("pnpm", args, { cwd: root, env, encoding: "utf8", shell: windows })
  if (built.status !== 0) {
    process.stderr.write(`${built.stdout ?? ""}${built.stderr ?? ""}`)
    throw new SetupError("the build failed; its message is above.")
  }
  writeFileSync(stampPath("build"), wanted)
}

const isSetUp = (withBuild) =>
  hasNode() &&
  isFresh("install", installFingerprint()) &&
  existsSync(join(root, "node_modules", ".modules.yaml")) &&
  (!withBuild || (isFresh("build", buildFingerprint()) && existsSync(ENTRY)))

const prepare = async (withBuild) => {
  if (isSetUp(withBuild)) return
  await underLock(join(tools, "lock"), say, () => {
    if (!hasNode()) bringTools()
    install()
    if (withBuild) build()
  })
}

// --- tasks --------------------------------------------------------------------------------------------------------

/** Runs in the foreground, passes signals on and ends as it ends. */
const run = (command, args, options = {}) =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, env, stdio: "inherit", shell: windows, ...options })
    const forward = (signal) => {
      // Ctrl-C reaches the whole foreground group: a second copy would count as a second Ctrl-C.
      if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal)
    }
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, forward)
    // npm dies of a SIGTERM without passing it on; nothing should go on running behind its back.
    const parent = process.ppid
    setInterval(() => process.ppid !== parent && child.kill("SIGTERM"), PARENT_POLL_MILLIS).unref()
    child.on("error", reject)
    child.on("exit", (code, signal) => resolve(code ?? 128 + (constants.signals[signal] ?? 0)))
  })

const given = (args, flag) => args.some((arg) => arg === flag || arg.startsWith(`${flag}=`))

const millrace = (args, options) => run(nodeBinary(), ["--no-warnings", ENTRY, ...args], { shell: false, ...options })

const start = (args) => {
  const port = given(args, "--port") || process.env.MILLRACE_PORT ? [] : ["--port", process.env.PORT || "4000"]
  const data = given(args, "--data") ? [] : ["--data", join(root, "data")]
  return millrace(["serve", "--demo", ...port, ...data, ...args])
}

const pnpmExec = (...args) => run("pnpm", ["exec", ...args])

const lint = async (args) =>
  (await pnpmExec("oxlint", "--type-aware", ...args)) ||
  (await pnpmExec("oxfmt", "--check", ...args)) ||
  (await run(nodeBinary(), [join(root, "scripts", "house.mjs")], { shell: false })) ||
  (await run(nodeBinary(), [join(root, "scripts", "references.mjs")], { shell: false }))

/** Lines that the servers of a whole run write, at the least: fewer, and the search below looked at nothing. */
const SUITE_LOG_LINES = 100

/** CI's run, or one that was asked for. */
const whole = process.env.CI === "true" || process.env.MILLRACE_LONG === "1"

/** In a whole run one suite at a time, since its kills and races want the machine; else two side by side. */
const SUITES = whole ? 1 : 2

/** The suites, all of them though one fails. At the end what their servers wrote is searched for secrets. */
const test = async (args) => {
  if (!whole)
    say("laws of minutes are left out, random ones take fewer runs: MILLRACE_LONG=1 npm test for all, as CI does")
  const logs = join(tools, "suite-logs")
  rmSync(logs, { recursive: true, force: true })
  const options = { env: { ...env, MILLRACE_SUITE_LOGS: logs } }
  const least = args.length === 0 ? [String(SUITE_LOG_LINES)] : []
  const searchLogs = () =>
    existsSync(logs) || args.length === 0
      ? run(nodeBinary(), [join(root, "scripts", "searchLogs.mjs"), logs, ...least], { shell: false })
      : 0
  return (
    (await pnpmExec("turbo", "run", "build", "check", "--output-logs=errors-only")) ||
    (await run("pnpm", ["exec", "turbo", "run", "test", `--concurrency=${SUITES}`, "--continue", ...args], options)) ||
    (await searchLogs())
  )
}

const TASKS = {
  start: { build: true, run: start },
  // Where npm was called, so that relative paths mean what they say.
  millrace: { build: true, run: (args) => millrace(args, { cwd: process.env.INIT_CWD ?? process.cwd() }) },
  test: { build: false, run: test },
  bench: { build: true, run: (args) => run("pnpm", ["--filter", "{./bench}", "run", "bench", ...args]) },
  faults: { build: false, run: (args) => run("pnpm", ["--filter", "@millrace/fault-tests", "run", "faults", ...args]) },
  simulate: { build: false, run: (args) => run("pnpm", ["--filter", "@millrace/simulation", "simulate", ...args]) },
  lint: { build: false, run: lint },
  turbo: { build: false, run: (args) => pnpmExec("turbo", "run", ...args) },
  exec: { build: false, run: (args) => pnpmExec(...args) }
}

const main = async () => {
  const [name, ...args] = process.argv.slice(2)
  const task = Object.hasOwn(TASKS, name ?? "") ? TASKS[name] : undefined
  if (task === undefined) {
    say(`usage: node scripts/bootstrap.mjs ${Object.keys(TASKS).join("|")} [arguments]`)
    return 2
  }
  await prepare(task.build)
  return await task.run(args)
}

try {
  process.exitCode = await main()
} catch (error) {
  say(error instanceof SetupError ? error.message : `failed: ${error.message}`)
  process.exitCode = 1
}
