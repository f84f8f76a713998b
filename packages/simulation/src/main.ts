import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { huntAll } from "./hunt.ts"
import { explainSeed, simulate } from "./simulate.ts"

const ROOT = fileURLToPath(new URL("../../..", import.meta.url))
const repeated = process.env["MILLRACE_SEED"]

const { values } = parseArgs({
  options: {
    /** How many, or with `--mutants` how many at most for each. */
    schedules: { type: "string", default: repeated === undefined ? "2000" : "1" },
    /** Of the first one; each further one is one up. */
    seed: { type: "string", default: repeated ?? "1" },
    /** It ends after so many that fail. */
    failures: { type: "string", default: "3" },
    mutants: { type: "boolean", default: false },
    /** Only those whose name begins so. */
    mutant: { type: "string", default: "" },
    /** One line of JSON and no more: for the hunt, which runs this in a copy of the sources. */
    quiet: { type: "boolean", default: false }
  }
})

const options = { seed: Number(values.seed), schedules: Number(values.schedules) }

const run = async (): Promise<boolean> => {
  const total = await simulate({
    ...options,
    failures: values.quiet ? 1 : Number(values.failures),
    ...(values.quiet
      ? {}
      : {
          onFailure: async (seed, findings) => console.log(`${findings.join("\n")}\n${await explainSeed(seed)}`),
          onProgress: (done) => console.log(`${done} schedules`)
        })
  })
  console.log(JSON.stringify(total))
  return total.failed.length === 0
}

const isWell = values.mutants ? await huntAll(ROOT, { ...options, only: values.mutant }) : await run()
process.exit(isWell ? 0 : 1)
