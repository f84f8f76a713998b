import type { RawEvent } from "../import/Sink.ts"
import { uuid5Maker } from "../import/uuid5.ts"

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
 * (`YYYY-MM-DD`, UTC), in time order, about 100,000 events. The same day gives the same events, ids included. Every
 * event says `generated: true`. The last day is whole: the caller drops what has not happened yet.
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

interface Visitor {
  readonly user_id: string
  /** Index of the day of the sign-up, from 0. */
  readonly joinedDay: number
  /** 0–1. */
  readonly loyalty: number
  readonly channel: string
  readonly country: string
}

interface DemoEvent {
  /** UTC milliseconds. */
  readonly at: number
  readonly user_id: string
  readonly event_type: string
  readonly properties: Readonly<Record<string, unknown>>
}

const PAGES = ["/", "/new", "/sale", "/tea", "/coffee", "/cups", "/gifts"] as const
const PAGE_WEIGHTS = [30, 14, 16, 14, 14, 7, 5]
const SEARCHES = ["green tea", "espresso", "mug", "gift box", "decaf", "tea pot", "grinder"] as const

interface Product {
  readonly sku: string
  readonly category: string
  /** Euro. */
  readonly price: number
}
const PRODUCTS: ReadonlyArray<Product> = [
  { sku: "tea-sencha", category: "tea", price: 12.9 },
  { sku: "tea-assam", category: "tea", price: 9.5 },
  { sku: "coffee-house", category: "coffee", price: 14.2 },
  { sku: "coffee-decaf", category: "coffee", price: 15.8 },
  { sku: "cup-white", category: "cups", price: 18 },
  { sku: "pot-glass", category: "cups", price: 34.5 },
  { sku: "gift-box", category: "gifts", price: 49 },
  { sku: "grinder-hand", category: "gear", price: 79.9 }
]
const PRODUCT_WEIGHTS = [20, 16, 22, 8, 12, 6, 7, 4]

const MAX_VISITS = 9
const DEVICES = ["phone", "desktop", "tablet"] as const

/** One session of at most half an hour: sign-up (first time), pages, perhaps a search, a cart, a purchase. */
const browse = (visitor: Visitor, start: number, first: boolean, random: Random): ReadonlyArray<DemoEvent> => {
  const events: Array<DemoEvent> = []
  const device = DEVICES[weighted(random, [58, 34, 8])]!
  let at = start
  const add = (event_type: string, properties: Readonly<Record<string, unknown>>) => {
    events.push({ at, user_id: visitor.user_id, event_type, properties: { ...properties, generated: true } })
    at += 5_000 + Math.floor(random() * 90_000)
  }
  if (first) add("sign_up", { channel: visitor.channel, country: visitor.country, device })
  const pages = 1 + Math.floor(random() * MAX_VISITS * (0.5 + visitor.loyalty / 2))
  for (let page = 0; page < pages; page++) {
    add("visit", { page: PAGES[weighted(random, PAGE_WEIGHTS)]!, device })
  }
  if (random() < 0.35) add("search", { query: pick(random, SEARCHES), results: Math.floor(random() * 40) })
  if (random() < 0.22 + 0.15 * visitor.loyalty) shop(add, random)
  return events
}

type Add = (event_type: string, properties: Readonly<Record<string, unknown>>) => void

const shop = (add: Add, random: Random): void => {
  const lines = Array.from({ length: 1 + weighted(random, [60, 28, 12]) }, () => ({
    product: PRODUCTS[weighted(random, PRODUCT_WEIGHTS)]!,
    quantity: 1 + weighted(random, [75, 18, 7])
  }))
  for (const { product, quantity } of lines) add("add_to_cart", { ...product, quantity })
  if (random() >= 0.46) return
  const cents = lines.reduce((sum, { product, quantity }) => sum + Math.round(product.price * 100) * quantity, 0)
  add("purchase", { amount: cents / 100, currency: "EUR", items: lines.length })
}

/** Uniform in [0, 1): sfc32, seeded by four words of a text's hash, so that every run draws the same numbers. */
type Random = () => number

const seeded = (seed: string): Random => {
  let [a, b, c, d] = words(seed)
  const next = () => {
    const t = (((a + b) | 0) + d) | 0
    d = (d + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + t
    c |= 0
    return (t >>> 0) / 4_294_967_296
  }
  for (let round = 0; round < 16; round++) next()
  return next
}

/** Four FNV-1a hashes with different starts. */
const words = (seed: string): [number, number, number, number] => {
  const one = (start: number) => {
    let hash = start
    for (let index = 0; index < seed.length; index++) hash = Math.imul(hash ^ seed.charCodeAt(index), 0x01_00_01_93)
    return hash | 0
  }
  return [one(0x81_1c_9d_c5), one(0x9e_37_79_b9), one(0x85_eb_ca_6b), one(0xc2_b2_ae_35)]
}

const pick = <Value>(random: Random, values: ReadonlyArray<Value>): Value =>
  values[Math.floor(random() * values.length)]!

/** Index drawn with probability in proportion to its weight. */
const weighted = (random: Random, weights: ReadonlyArray<number>): number => {
  let left = random() * weights.reduce((sum, weight) => sum + weight, 0)
  const found = weights.findIndex((weight) => (left -= weight) < 0)
  return found === -1 ? weights.length - 1 : found
}
