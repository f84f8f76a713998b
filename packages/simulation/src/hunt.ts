import { spawn } from "node:child_process"
import { join } from "node:path"
import { plant, type PlantedBug } from "@millrace/test-services"
import { mutants } from "./mutants.ts"
import type { Total } from "./simulate.ts"

interface HuntOptions {
  readonly seed: number
  readonly schedules: number
  /** Beginning of names. */
  readonly only: string
}

/** Runs schedules over the sources with the bug in them until one finds it; returns how many that took. */
export const hunt = async (
  root: string,
  mutant: PlantedBug,
  { schedules, seed }: Omit<HuntOptions, "only">
): Promise<number | undefined> => {
  const planted = plant(root, mutant)
  try {
    const main = join(planted.root, "packages/simulation/src/main.ts")
    const { failed, schedules: tried } = await totalOf(main, [
      "--quiet",
      "--seed",
      String(seed),
      "--schedules",
      String(schedules)
    ])
    return failed.length === 0 ? undefined : tried
  } finally {
    planted.remove()
  }
}

const totalOf = (main: string, args: ReadonlyArray<string>): Promise<Total> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["--conditions=source", "--no-warnings", main, ...args], {
      stdio: ["ignore", "pipe", "inherit"]
    })
    let output = ""
    child.stdout.on("data", (chunk) => {
      output += String(chunk)
    })
    child.once("error", reject)
    child.once("close", () => {
      try {
        resolve(JSON.parse(output) as Total)
      } catch {
        reject(new Error(`the simulation with the bug in it did not end well: ${output}`))
      }
    })
  })

export const huntAll = async (root: string, { only, ...options }: HuntOptions): Promise<boolean> => {
  let caught = true
  for (const mutant of mutants.filter(({ name }) => name.startsWith(only))) {
    const tried = await hunt(root, mutant, options)
    console.log(
      tried === undefined
        ? `MISSED: ${mutant.name}: ${options.schedules} schedules found nothing`
        : `caught: ${mutant.name}: by schedule ${tried}, seed ${options.seed + tried - 1}`
    )
    caught &&= tried !== undefined
  }
  return caught
}
