import { pick, type Random, weighted } from "./random.ts"

export interface Visitor {
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
export const browse = (visitor: Visitor, start: number, first: boolean, random: Random): ReadonlyArray<DemoEvent> => {
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
