import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { Cluster, type Services } from "./Cluster.ts"
import { isHarmful, Journal } from "./Journal.ts"
import { judgeLedger, judgeRows, storedIds } from "./oracle.ts"
import { Reader } from "./Reader.ts"
import type { Fault, Schedule } from "./Schedule.ts"
import { DAY, Traffic } from "./Traffic.ts"
import { Watch } from "./Watch.ts"

export interface Outcome {
  readonly schedule: Schedule
  /** What must not be; empty when all is well. */
  readonly findings: ReadonlyArray<string>
  readonly figures: {
    readonly acknowledged: number
    readonly sent: number
    readonly rows: number
    readonly deadLettered: number
    /** Answers by status; 0 is none at all. */
    readonly answers: Readonly<Record<string, number>>
    readonly observations: number
    readonly seconds: number
  }
  /** The last of what the processes printed, for a failure. */
  readonly output: string
}

const SETTLES_WITHIN_MILLIS = 90_000

interface Scene {
  readonly cluster: Cluster
  readonly traffic: Traffic
  readonly reader: Reader
  readonly journal: Journal
}

/** One schedule from an empty database to the verdict. `root`: the checkout whose sources are run. */
export const runSchedule = async (schedule: Schedule, services: Services, root: string): Promise<Outcome> => {
  const start = performance.now()
  const directory = mkdtempSync(join(tmpdir(), "millrace-faults-"))
  try {
    const cluster = await Cluster.open({ schedule, services, root, directory })
    try {
      const journal = new Journal()
      const reader = new Reader(() => cluster.members.owner.url)
      const traffic = new Traffic(cluster.members.api.url, schedule, journal)
      const found = await observe({ cluster, traffic, reader, journal }, schedule, join(directory, "owner"))
      return {
        schedule,
        findings: found.findings,
        figures: {
          acknowledged: journal.acknowledged.length,
          sent: journal.sent,
          rows: found.rows,
          deadLettered: found.deadLettered,
          answers: Object.fromEntries(journal.answers),
          observations: found.observations,
          seconds: Math.round((performance.now() - start) / 100) / 10
        },
        output: Object.values(cluster.members)
          .map(({ name, output }) => `--- ${name}\n${output}`)
          .join("\n")
      }
    } finally {
      await cluster.close()
    }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

const observe = async (scene: Scene, schedule: Schedule, ownerDirectory: string) => {
  const { cluster, journal, reader } = scene
  const loses = schedule.theme === "purge"
  const watch = new Watch(reader, { journal, loses })
  watch.start()
  const stuck = await suffer(scene, schedule).then(
    () => [],
    (cause: unknown) => [String(cause)]
  )
  const seen = await watch.end()
  const letters = stuck.length === 0 ? await recover(scene, schedule) : { findings: [], count: 0 }
  const lost = loses ? (await reader.ledger())?.lost : 0
  const code = await cluster.members.owner.stop()
  const rows = await storedIds(join(ownerDirectory, "warehouse.duckdb"))
  return {
    findings: [
      ...stuck,
      ...seen,
      ...letters.findings,
      ...judgeRows(journal, rows, lost),
      ...(code === 0 ? [] : [`the owner ended with ${code}`])
    ],
    rows: rows.length,
    deadLettered: letters.count,
    observations: watch.observations
  }
}

/** Traffic and faults, until everything runs again and all that was sent is acknowledged. */
const suffer = async ({ cluster, traffic }: Scene, { faults, millis }: Schedule): Promise<void> => {
  traffic.start()
  const began = performance.now()
  const happening = faults.map(async (fault) => {
    await sleep(fault.atMillis)
    await inflict(cluster, traffic, fault)
  })
  await Promise.all(happening)
  await sleep(Math.max(0, began + millis - performance.now()))
  traffic.large = false
  await cluster.heal()
  await traffic.end()
}

const WORKERS = ["worker-1", "worker-2"] as const

const inflict = async (cluster: Cluster, traffic: Traffic, fault: Fault): Promise<void> => {
  switch (fault.kind) {
    case "kill":
      await cluster.kill(fault.target)
      await sleep(fault.forMillis)
      return cluster.start(fault.target)
    case "stop":
      cluster.pause(fault.target)
      await sleep(fault.forMillis)
      return cluster.resume(fault.target)
    case "purge": {
      await Promise.all(WORKERS.map((name) => cluster.end(name)))
      await sleep(fault.forMillis)
      await cluster.purge()
      return void (await Promise.all(WORKERS.map((name) => cluster.start(name))))
    }
    case "fill": {
      await Promise.all(WORKERS.map((name) => cluster.kill(name)))
      traffic.large = true
      await sleep(fault.forMillis)
      traffic.large = false
      await Promise.all(WORKERS.map((name) => cluster.start(name)))
    }
  }
}

/**
 * The operator's part: everything settles; dead letters are replayed while the store still refuses them and come back; then
 * what refused them is mended, and they are replayed again.
 */
const recover = async ({ cluster, journal, reader }: Scene, schedule: Schedule) => {
  const findings = [...judgeLedger("after recovery", await reader.settled(SETTLES_WITHIN_MILLIS))]
  // What does not settle now will not settle later either.
  if (findings.length > 0) return { findings, count: 0 }
  const letters = await reader.letters()
  const strange = letters.filter(({ event }) => {
    const sent = journal.get(event.event_id)
    return sent === undefined || !isHarmful(sent)
  })
  // The neighbours of a killer share its deliveries, and may share its end; they come back with it.
  if (strange.length > 0 && !schedule.killer)
    findings.push(`harmless dead letters: ${JSON.stringify(strange.slice(0, 3))}`)
  if (schedule.poison && letters.length > 0) {
    await reader.replayAll()
    findings.push(...judgeLedger("after a replay in vain", await reader.settled(SETTLES_WITHIN_MILLIS)))
  }
  await cluster.harmful.lift()
  if (letters.length > 0) {
    await reader.replayAll()
    findings.push(...judgeLedger("after the replay", await reader.settled(SETTLES_WITHIN_MILLIS)))
    const left = await reader.letters()
    if (left.length > 0) findings.push(`${left.length} dead letters are left after their replay`)
  }
  const counted = await reader.counted(DAY)
  const entry = await reader.ledger()
  if (counted?.events !== entry?.stored) findings.push(`answers count ${counted?.events} of ${entry?.stored} stored`)
  return { findings, count: letters.length }
}
