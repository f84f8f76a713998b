import { type Random, randomOf } from "@millrace/test-services"

export const PROCESSES = ["api", "worker-1", "worker-2", "owner"] as const
export const SERVICES = ["nats", "postgres"] as const
export type ProcessName = (typeof PROCESSES)[number]
export type ServiceName = (typeof SERVICES)[number]
export type Target = ProcessName | ServiceName

export type Fault =
  /** SIGKILL; started again `forMillis` later. */
  | { readonly kind: "kill"; readonly target: Target; readonly atMillis: number; readonly forMillis: number }
  /** SIGSTOP, and SIGCONT `forMillis` later. */
  | { readonly kind: "stop"; readonly target: Target; readonly atMillis: number; readonly forMillis: number }
  /** No worker takes anything, and events are large, so that the stream is full before it ends. */
  | { readonly kind: "fill"; readonly atMillis: number; readonly forMillis: number }
  /** The workers end, what waits in the stream is purged `forMillis` later, and they start again. */
  | { readonly kind: "purge"; readonly atMillis: number; readonly forMillis: number }

/** What happens to one cluster, and when; all of it decided by the seed. */
export interface Schedule {
  readonly seed: number
  readonly theme: Theme
  readonly faults: ReadonlyArray<Fault>
  /** Traffic goes on for this long. */
  readonly millis: number
  /** Events that the store refuses for good. */
  readonly poison: boolean
  /** One event ends every worker that stores it. */
  readonly killer: boolean
}

interface ScheduleOptions {
  /** How long the theme `outage` keeps PostgreSQL down. */
  readonly outageMillis: number
}

const kill = (random: Random, target: Target, atMillis: number): Fault => ({
  kind: "kill",
  target,
  atMillis,
  forMillis: random.between(0, 800)
})
const stop = (random: Random, target: Target, atMillis: number): Fault => ({
  kind: "stop",
  target,
  atMillis,
  forMillis: random.between(200, 2_500)
})

const mixed = (random: Random): ReadonlyArray<Fault> =>
  Array.from({ length: random.between(3, 5) }, () =>
    (random.chance(0.6) ? kill : stop)(random, random.pick([...PROCESSES, ...SERVICES]), random.between(100, 3_500))
  )

/** Killed again and again while it loads. */
const owner = (random: Random): ReadonlyArray<Fault> =>
  [300, 2_300, 4_300].map((from) => ({ ...kill(random, "owner", from + random.between(0, 1_500)), forMillis: 0 }))

/** Stopped in the middle of what they do, while the others go on; then killed. */
const workers = (random: Random): ReadonlyArray<Fault> => [
  ...["worker-1", "worker-2", "worker-1", "worker-2"].map((target, index) =>
    stop(random, target as Target, index * 1_200 + random.between(0, 900))
  ),
  kill(random, random.pick(["worker-1", "worker-2"]), random.between(500, 4_500))
]

const services = (random: Random): ReadonlyArray<Fault> => [
  kill(random, "nats", random.between(100, 1_500)),
  kill(random, "postgres", random.between(500, 2_500)),
  (random.chance(0.5) ? kill : stop)(random, random.pick(SERVICES), random.between(2_500, 4_000))
]

const outage = (random: Random, { outageMillis }: ScheduleOptions): ReadonlyArray<Fault> => [
  { kind: "kill", target: "postgres", atMillis: random.between(200, 1_000), forMillis: outageMillis },
  kill(random, random.pick(PROCESSES), random.between(500, outageMillis))
]

const full = (random: Random): ReadonlyArray<Fault> => [
  { kind: "fill", atMillis: random.between(200, 800), forMillis: 3_000 },
  kill(random, random.pick(["api", "nats", "owner"]), random.between(1_000, 4_000))
]

const killer = (random: Random): ReadonlyArray<Fault> => [
  kill(random, random.pick(["api", "nats", "postgres", "owner"]), random.between(500, 3_000))
]

/** What is purged is lost, to the event. */
const purge = (random: Random): ReadonlyArray<Fault> =>
  [300, 2_800].map((from) => ({
    kind: "purge",
    atMillis: from + random.between(0, 500),
    forMillis: random.between(0, 900)
  }))

const THEMES = { mixed, owner, workers, services, outage, full, killer, purge }
export type Theme = keyof typeof THEMES
/** All that lose nothing. */
const themes: ReadonlyArray<Theme> = ["mixed", "owner", "workers", "services", "outage", "full", "killer"]

/** Consecutive seeds go through the themes in turn; `purge` comes when it is asked for. */
export const scheduleOf = (
  seed: number,
  options: ScheduleOptions,
  theme: Theme = themes[seed % themes.length]!
): Schedule => {
  const random = randomOf(seed)
  const faults = THEMES[theme](random, options).toSorted((left, right) => left.atMillis - right.atMillis)
  return {
    seed,
    theme,
    faults,
    millis: Math.max(...faults.map(({ atMillis, forMillis }) => atMillis + forMillis)) + random.between(200, 800),
    poison: random.chance(0.6),
    killer: theme === "killer"
  }
}

const describeFault = (fault: Fault) =>
  `${fault.kind}${"target" in fault ? ` ${fault.target}` : ""} at ${fault.atMillis} for ${fault.forMillis}`

/** One line, milliseconds throughout. */
export const describeSchedule = ({ faults, killer: hasKiller, millis, poison, seed, theme }: Schedule): string =>
  [
    `seed ${seed} (${theme}, ${millis} ms)`,
    ...faults.map(describeFault),
    ...(poison ? ["poison"] : []),
    ...(hasKiller ? ["killer"] : [])
  ].join("; ")
