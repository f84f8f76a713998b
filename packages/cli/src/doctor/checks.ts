import { accessSync, constants, statfsSync, statSync } from "node:fs"
import { folderOwner, ownerText } from "@millrace/core/node"
import { Readiness } from "@millrace/core/wire"
import { Clock, Effect, Option, Schema } from "effect"
import { type PlaceFlags, placeOf } from "../command/flags.ts"
import { readLedger } from "../command/ledger.ts"
import { pad } from "../render/table.ts"
import { httpTarget, type Target } from "../target/Target.ts"
import { VERSION } from "../version.ts"

const MAX_SKEW_SECONDS = 60
const decodeReadiness = Schema.decodeUnknownOption(Schema.fromJsonString(Readiness))

export const checkServer = Effect.fnUntraced(function* (flags: PlaceFlags) {
  const place = yield* placeOf(flags)
  if (place._tag === "Folder") return []
  const target = httpTarget(place)
  const answer = yield* target.send({ method: "GET", path: "/readyz" }).pipe(Effect.option)
  if (Option.isNone(answer)) {
    const advice = "start it with `millrace serve`, or give its address with --url; check a folder with --data DIR"
    return [{ name: "server", ok: false, detail: `nothing answers at ${place.url}`, advice }] satisfies Array<Finding>
  }
  const readiness = Option.getOrUndefined(decodeReadiness(answer.value.text))
  const findings: Array<Finding> = [
    readyFinding(place.url, answer.value.status, readiness),
    ...heldBackFindings(readiness),
    ...loopFindings(readiness)
  ]
  findings.push(clockFinding(answer.value.date, yield* Clock.currentTimeMillis))
  return [...findings, ...(yield* checkLedger(target))]
})

const HELD_BACK_SECONDS = 60

/** The server is ready meanwhile: it accepts, and answers what was loaded before. */
export const heldBackFindings = (readiness: Readiness | undefined): ReadonlyArray<Finding> => {
  if (readiness?.status === "ready" && readiness.store?.reachable === false) {
    const detail = "PostgreSQL does not answer: what is accepted waits in the queue, and is not counted yet"
    return [
      {
        name: "hot store",
        ok: false,
        detail,
        advice: "start it, or mend the way to it; the server's log has the error"
      }
    ]
  }
  const seconds = readiness?.store?.held_back_seconds ?? 0
  if (seconds < HELD_BACK_SECONDS) return []
  const detail = `a transaction of PostgreSQL has been open for ${Math.round(seconds)} s: nothing newer is loaded`
  return [{ name: "hot store", ok: false, detail, advice: "end it: see LoadHeldBack in docs/runbooks.md" }]
}

/** Background work that makes no progress, whatever the server answers meanwhile. */
export const loopFindings = (readiness: Readiness | undefined): ReadonlyArray<Finding> =>
  (readiness?.loops ?? []).map(({ error, name, since, trouble }) => ({
    name: `work ${name}`,
    ok: false,
    detail: `${TROUBLES[trouble]} since ${since}${error === undefined ? "" : ` (${error})`}`,
    advice: "see the server's log for its name, and WorkStalled in docs/runbooks.md"
  }))

const TROUBLES = { defect: "broke and has not succeeded", failing: "fails", hung: "has not ended a run" } as const

const readyFinding = (url: string, status: number, readiness: Readiness | undefined): Finding => {
  if (readiness === undefined) {
    return {
      name: "server",
      ok: false,
      detail: `${url} does not speak like millrace (${status})`,
      advice: "check the address"
    }
  }
  const { queue, status: state, store, warehouse } = readiness
  const asOf = warehouse === undefined ? "" : `, as of ${warehouse.as_of ?? "nothing loaded yet"}`
  const detail = `${url} is ${state}, durability ${queue.durability}${asOf}`
  if (state === "ready") return { name: "server", ok: true, detail }
  const advice = !queue.writable
    ? "see the server's log: its queue cannot be written"
    : warehouse?.reachable === false
      ? "see the server's log: its warehouse does not answer"
      : store?.reachable === false
        ? "see the server's log: its hot store does not answer"
        : readiness.loops !== undefined
          ? "background work makes no progress: see below"
          : "it is closing: ask again"
  return { name: "server", ok: false, detail, advice }
}

/** The header has whole seconds, so a second either way says nothing. */
const clockFinding = (date: string | undefined, now: number): Finding => {
  const theirs = Date.parse(date ?? "")
  if (Number.isNaN(theirs)) return { name: "clock", ok: true, detail: "the server does not tell its time" }
  const skew = Math.round((theirs - now) / 1000)
  const detail =
    Math.abs(skew) <= 1
      ? "agrees with the server's"
      : `${Math.abs(skew)} s ${skew > 0 ? "behind" : "ahead of"} the server's`
  return Math.abs(skew) <= MAX_SKEW_SECONDS
    ? { name: "clock", ok: true, detail }
    : { name: "clock", ok: false, detail, advice: "set both clocks by NTP: events more than 24 h ahead are refused" }
}

/** The one at fault: not who asked with a key, where keys cannot be looked up. */
export const adviceOf = (message: string): string => {
  if (/answered 40[13]:/u.test(message)) return "a server with keys needs --key or MILLRACE_KEY, of scope read or admin"
  if (message.includes("keys cannot be checked")) {
    return "the server's key store (PostgreSQL, or its key file) does not answer: see the server's log"
  }
  return "see the server's log: it names the part that does not answer"
}

/** Of a folder whose ledger cannot be read. */
export const adviceOfFolder = (message: string): string => {
  if (message.includes("nothing is loaded until"))
    return "see Store and warehouse apart in docs/runbooks.md, before anything else is tried"
  if (message.includes("is damaged at byte")) return "see A damaged folder in docs/runbooks.md"
  return "make the folder readable, or restore it from a copy"
}

export const checkLedger = (target: Target) =>
  readLedger(target).pipe(
    Effect.map((entry): ReadonlyArray<Finding> => {
      const detail = `accepted ${entry.accepted}, stored ${entry.stored}, in flight ${entry.in_flight}, lost ${entry.lost}, difference ${entry.difference}`
      const balance: Finding =
        entry.difference !== 0
          ? {
              name: "ledger",
              ok: false,
              detail,
              advice: "keep everything as it is and report this: see LedgerDiffers in docs/runbooks.md"
            }
          : entry.lost !== 0
            ? {
                name: "ledger",
                ok: false,
                detail,
                advice: "accepted events are gone: see EventsLost in docs/runbooks.md"
              }
            : { name: "ledger", ok: true, detail }
      const waiting = entry.dead_lettered - entry.replayed
      const letters: ReadonlyArray<Finding> =
        waiting > 0
          ? [{ name: "dead letters", ok: true, detail: `${entry.dead_lettered} were set aside; see millrace dlq list` }]
          : []
      return [balance, ...letters]
    }),
    Effect.catch((error) =>
      Effect.succeed<ReadonlyArray<Finding>>([
        { name: "ledger", ok: false, detail: error.message, advice: adviceOf(error.message) }
      ])
    )
  )

/** A log segment is 64 MiB and the warehouse needs room to rewrite itself. */
const FREE_BYTES = 512 * 1024 * 1024
const GIB = 1024 ** 3

interface FolderCheck {
  readonly findings: ReadonlyArray<Finding>
  /** Whether a live process has it. */
  readonly owned: boolean
}

export const checkFolder = (directory: string): FolderCheck => {
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) {
    const advice = "check the path; `millrace serve --data` makes a new folder"
    return {
      findings: [{ name: "folder", ok: false, detail: `${directory} is not a folder`, advice }],
      owned: false
    }
  }
  const access = checkAccess(directory)
  const found = access.ok ? folderOwner(directory) : undefined
  const detail =
    found === undefined ? "no process has it" : `${ownerText(found.owner)}, has it: ask that one with --url`
  const findings = [access, checkSpace(directory), { name: "owner", ok: true, detail }]
  return { findings, owned: found !== undefined }
}

const checkAccess = (directory: string): Finding => {
  try {
    accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK)
    return { name: "folder", ok: true, detail: `${directory} can be read and written` }
  } catch {
    const advice = `give this user read and write access, for example: chown -R "$USER" ${directory}`
    return { name: "folder", ok: false, detail: `${directory} cannot be read and written by this user`, advice }
  }
}

const checkSpace = (directory: string): Finding => {
  const { bavail, bsize } = statfsSync(directory)
  const free = bavail * bsize
  const detail = `${(free / GIB).toFixed(1)} GiB free`
  return free >= FREE_BYTES
    ? { name: "disk", ok: true, detail }
    : { name: "disk", ok: false, detail, advice: "free some space, or move the folder to a larger disk" }
}

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

export interface Finding {
  readonly name: string
  readonly ok: boolean
  readonly detail: string
  /** What to do about it; absent when all is well. */
  readonly advice?: string
}

export const renderFindings = (findings: ReadonlyArray<Finding>): ReadonlyArray<string> => {
  const width = Math.max(...findings.map(({ name }) => name.length))
  return findings.flatMap(({ detail, name, ok, advice }) => [
    `${ok ? "ok  " : "FAIL"}  ${pad(name, width, "left")}  ${detail}`,
    ...(advice === undefined ? [] : [`      ${" ".repeat(width)}  → ${advice}`])
  ])
}
