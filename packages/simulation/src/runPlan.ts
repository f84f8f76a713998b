import { randomOf } from "@millrace/test-services"
import { Cause, Effect, Exit } from "effect"
import { left, opened, settled } from "./checks.ts"
import { Disk } from "./Disk.ts"
import { Journal } from "./Journal.ts"
import { drive, inWorld } from "./machine.ts"
import type { LifePlan, Plan } from "./Plan.ts"
import { client, eraser, keyHolder, operator, type Stage } from "./roles.ts"
import { type Product, productLayer, warehouseOf } from "./services.ts"
import { World } from "./World.ts"

interface Outcome {
  readonly findings: ReadonlyArray<string>
  readonly steps: number
  readonly acknowledged: number
}

/** Everything is over well before. */
const JUDGEMENT_STEPS = 20_000
const START_MILLIS = Date.UTC(2026, 0, 1)

const JUDGEMENT: LifePlan = {
  end: "close",
  steps: JUDGEMENT_STEPS,
  before: "step",
  faults: [],
  clients: 0,
  batches: 0,
  roles: []
}

/** Lives one after the other on one disk, and at last one that has all the time it needs. */
export const runPlan = async (plan: Plan, trace: (line: string) => void = () => undefined): Promise<Outcome> => {
  const run = new Run(plan, trace)
  for (const life of [...plan.lives, JUDGEMENT]) {
    await run.live(life)
    if (run.journal.findings.length > 0) break
  }
  return { findings: run.journal.findings, steps: run.steps, acknowledged: run.journal.acknowledged }
}

class Run {
  readonly journal = new Journal()
  steps = 0
  readonly #plan: Plan
  readonly #trace: (line: string) => void
  readonly #disk: Disk
  readonly #warehouse = Effect.runSync(warehouseOf(this.journal))
  readonly #leaving: Array<string> = []
  #lives = 0
  #numbers = 0
  #nowMillis = START_MILLIS

  constructor(plan: Plan, trace: (line: string) => void) {
    this.#plan = plan
    this.#trace = trace
    this.#disk = new Disk(plan.promises)
  }

  async live(life: LifePlan): Promise<void> {
    const number = ++this.#lives
    const random = randomOf(this.#plan.seed * 101 + number)
    const { end, faults } = life
    const endsAt = end === "close" ? JUDGEMENT_STEPS : life.steps
    this.#trace(`life ${number}: ${JSON.stringify(life)}`)
    const world = new World({
      disk: this.#disk,
      random,
      faults,
      endsAt,
      endsBefore: life.before,
      startMillis: this.#nowMillis,
      trace: this.#trace
    })
    const exit = await this.#run(life, world, number)
    this.steps += world.steps
    this.#nowMillis = world.nowMillis
    this.#judge(life, world, exit)
    if (end === "power" && world.isOver) this.#disk.losePower(random)
    this.#checkErased()
  }

  async #run(life: LifePlan, world: World, number: number): Promise<Exit.Exit<unknown, unknown> | undefined> {
    const random = randomOf(this.#plan.seed * 103 + number)
    this.#leaving.push(`leaves-${number}-`)
    const stage: Stage = {
      life,
      random,
      journal: this.journal,
      number: () => ++this.#numbers,
      evenly: this.#plan.evenly,
      leaving: this.#leaving
    }
    const product = productLayer({
      plan: this.#plan,
      world,
      random,
      journal: this.journal,
      warehouse: this.#warehouse
    })
    let exit: Exit.Exit<unknown, unknown> | undefined
    const whole = life === JUDGEMENT ? this.#last : this.#work(stage)
    const fiber = Effect.runFork(inWorld(world, this.#plan.seed)(Effect.provide(whole, product)))
    fiber.addObserver((found) => {
      exit = found
    })
    await drive(world, () => exit !== undefined)
    return exit
  }

  readonly #last: Effect.Effect<void, unknown, Product> = Effect.andThen(
    opened(this.journal),
    Effect.andThen(settled(this.journal), left(this.journal))
  )

  #work(stage: Stage): Effect.Effect<void, unknown, Product> {
    const clients = Array.from({ length: stage.life.clients }, () => client(stage))
    const roles = [...clients, operator(stage), keyHolder(stage), eraser(stage)]
    const work = Effect.all(roles, { concurrency: "unbounded", discard: true })
    const rest = stage.life.end === "close" ? Effect.void : Effect.never
    return Effect.andThen(opened(this.journal), Effect.andThen(work, rest))
  }

  #judge(life: LifePlan, world: World, exit: Exit.Exit<unknown, unknown> | undefined): void {
    if (world.isSpinning) return this.journal.find(`life ${this.#lives} goes round without waiting for anything`)
    if (exit === undefined) {
      if (life.end === "close") this.journal.find(`life ${this.#lives} does not end`)
      return
    }
    // A life may end with its disk.
    if (Exit.isFailure(exit) && world.struck === undefined) {
      this.journal.find(`life ${this.#lives} fails: ${Cause.pretty(exit.cause)}`)
    }
  }

  #checkErased(): void {
    for (const user_id of this.journal.erased) {
      const [path] = this.#disk.holding(user_id)
      if (path !== undefined) this.journal.find(`${user_id} was erased and lies in ${path}`)
    }
  }
}
