import type { RawEvent } from "../import/Sink.ts"
import { uuid5Maker } from "../import/uuid5.ts"
import { browse, type Visitor } from "./session.ts"
import { pick, type Random, seeded, weighted } from "./random.ts"

export const DEMO_USERS = 3_000
export const DEMO_DAYS = 120

/** UUIDv5 of "millrace.dev/demo" in the DNS namespace. */
const NAMESPACE = "964cb510-8e15-590c-802f-0e294d58bf93"
const DAY_MILLIS = 86_400_000

/** Shops are busiest on Sunday evening; Monday first. */
const WEEKDAY = [1, 0.96, 0.94, 0.98, 1.05, 1.18, 1.24] as const
const HOUR = [2, 1, 1, 1, 1, 2, 4, 6, 7, 7, 7, 8, 9, 8, 7, 7, 8, 9, 11, 13, 14, 12, 8, 4] as const

/**
 * One shop's invented history: {@link DEMO_USERS} users over the {@link DEMO_DAYS} days that end with `endDay`
 * (`YYYY-MM-DD`, UTC), in time order, about 100,000 events. The same day gives the same events, ids included. Every event says
 * `generated: true`. The last day is whole: the caller drops what has not happened yet.
 */
export function* demoShop(endDay: string): Generator<RawEvent & { readonly occurred_at: string }, void, undefined> {
  const lastDay = Date.parse(`${endDay}T00:00:00Z`)
  const idOf = uuid5Maker(NAMESPACE, `${endDay}/`)
  const random = seeded(`millrace demo shop ${endDay}`)
  const visitors = signUps(random, lastDay)
  let number = 0
  for (let day = 0; day < DEMO_DAYS; day++) {
    const midnight = lastDay - (DEMO_DAYS - 1 - day) * DAY_MILLIS
    const events = visitors.flatMap((visitor) => visitsOf(visitor, day, midnight, random))
    events.sort((a, b) => a.at - b.at || (a.user_id < b.user_id ? -1 : 1))
    for (const { at, event_type, properties, user_id } of events) {
      const occurred_at = new Date(at).toISOString()
      yield { event_id: idOf(String(number++)), occurred_at, user_id, event_type, properties }
    }
  }
}

const CHANNELS = ["search", "newsletter", "social", "friend", "advert"] as const
const COUNTRIES = ["DE", "US", "FR", "GB", "ES", "NL", "IT"] as const
const COUNTRY_WEIGHTS = [30, 24, 12, 12, 8, 7, 7]

/** Growth: sign-ups per day double over the history, with the shop's week in them. */
const signUps = (random: Random, lastDay: number): ReadonlyArray<Visitor> => {
  const weights = Array.from({ length: DEMO_DAYS }, (_, day) => {
    return (1 + day / DEMO_DAYS) * weekdayFactor(lastDay - (DEMO_DAYS - 1 - day) * DAY_MILLIS)
  })
  return Array.from({ length: DEMO_USERS }, (_, index) => ({
    user_id: `demo-user-${String(index + 1).padStart(4, "0")}`,
    joinedDay: weighted(random, weights),
    // A few loyal customers, many who look once: the spread that makes cohorts decay and then level off.
    loyalty: random() ** 2.2,
    channel: pick(random, CHANNELS),
    country: COUNTRIES[weighted(random, COUNTRY_WEIGHTS)]!
  }))
}

const weekdayFactor = (midnight: number): number => WEEKDAY[(new Date(midnight).getUTCDay() + 6) % 7]!

/** Chance to come back on a day: falls with the days since joining towards a level that loyalty sets. */
const returnChance = (visitor: Visitor, age: number, midnight: number): number =>
  weekdayFactor(midnight) * (0.04 + 0.72 * visitor.loyalty) * (0.24 + 0.76 / (1 + age / 5))

const visitsOf = (visitor: Visitor, day: number, midnight: number, random: Random) => {
  const age = day - visitor.joinedDay
  if (age < 0) return []
  if (age > 0 && random() >= returnChance(visitor, age, midnight)) return []
  const start = midnight + weighted(random, HOUR) * 3_600_000 + Math.floor(random() * 3_600_000)
  // A session that would run past midnight begins earlier, so that no day leaks into the next.
  return browse(visitor, Math.min(start, midnight + DAY_MILLIS - 1_800_000), age === 0, random)
}
