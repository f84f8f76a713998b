import { judge } from "@millrace/core"
import { expect, it } from "vitest"
import { DEMO_DAYS, DEMO_USERS, demoShop } from "../src/demo/demoShop.ts"

const END_DAY = "2026-11-21"
const events = [...demoShop(END_DAY)]
const propertiesOf = (event: (typeof events)[number]) => event["properties"] as Record<string, unknown>

it("the same end day gives the same events, another one others", () => {
  expect([...demoShop(END_DAY)]).toEqual(events)
  expect(demoShop("2026-11-20").next().value).not.toEqual(events[0])
})

it("about 100,000 events of 3,000 users on 120 days that end with the end day, in time order", () => {
  expect(events.length).toBeGreaterThan(90_000)
  expect(events.length).toBeLessThan(110_000)
  expect(new Set(events.map((event) => event["user_id"])).size).toBe(DEMO_USERS)
  const days = new Set(events.map((event) => event.occurred_at.slice(0, 10)))
  expect(days.size).toBe(DEMO_DAYS)
  expect([...days].toSorted().at(-1)).toBe(END_DAY)
  expect(events.every((event, index) => index === 0 || events[index - 1]!.occurred_at <= event.occurred_at)).toBe(true)
})

it("every event is accepted, has an id of its own and says that it is generated", () => {
  const context = { project_id: "default", received_at: Date.parse(`${END_DAY}T23:59:59Z`) * 1000, skew_micros: 0 }
  expect(events.filter((event) => judge(event, context)._tag !== "Accepted")).toEqual([])
  expect(new Set(events.map((event) => event["event_id"])).size).toBe(events.length)
  expect(events.every((event) => propertiesOf(event)["generated"] === true)).toBe(true)
})

it("a user's first event is the sign-up, and there is one of each", () => {
  const seen = new Set<unknown>()
  for (const event of events) {
    expect(event["event_type"] === "sign_up").toBe(!seen.has(event["user_id"]))
    seen.add(event["user_id"])
  }
})

it("purchases carry positive amounts in whole cents and follow a cart", () => {
  const purchases = events.filter((event) => event["event_type"] === "purchase")
  expect(purchases.length).toBeGreaterThan(1_000)
  for (const purchase of purchases) {
    const amount = Number(propertiesOf(purchase)["amount"])
    expect(amount).toBeGreaterThan(0)
    expect(Math.abs(amount * 100 - Math.round(amount * 100))).toBeLessThan(1e-6)
  }
})

it("retention decays, and Sundays are busier than Wednesdays", () => {
  const dayOf = (event: (typeof events)[number]) => Math.floor(Date.parse(event.occurred_at) / 86_400_000)
  const joined = new Map<unknown, number>()
  const back = new Map<number, Set<unknown>>()
  const weekday = Array.from({ length: 7 }, () => 0)
  for (const event of events) {
    const user = event["user_id"]
    if (!joined.has(user)) joined.set(user, dayOf(event))
    const week = Math.floor((dayOf(event) - joined.get(user)!) / 7)
    back.set(week, (back.get(week) ?? new Set()).add(user))
    weekday[new Date(event.occurred_at).getUTCDay()]!++
  }
  const sizes = [1, 4, 8].map((week) => {
    const eligible = [...joined.values()].filter((day) => dayOf(events.at(-1)!) - day >= 7 * (week + 1)).length
    return back.get(week)!.size / eligible
  })
  expect(sizes[0]).toBeGreaterThan(sizes[1]!)
  expect(sizes[1]).toBeGreaterThan(sizes[2]!)
  expect(sizes[2]).toBeGreaterThan(0.05)
  expect(weekday[0]).toBeGreaterThan(weekday[3]! * 1.1)
})
