import type { Readiness } from "./schemas.ts"
import { makeProblem } from "./Problem.ts"

const purchase = {
  event_id: "0190a6c2-7b1e-7000-8000-000000000001",
  occurred_at: "2026-01-31T12:00:00Z",
  user_id: "u-42",
  event_type: "purchase",
  properties: { amount: 19.9, currency: "EUR" }
}

export const batchExample = [purchase]

export const queryExample = {
  metric: "funnel",
  params: {
    from: "2026-01-01",
    to: "2026-01-31",
    steps: ["visit", { field: "event_type", op: "=", value: "purchase" }],
    window: "7d",
    where: { field: "properties.currency", op: "=", value: "EUR" }
  }
}

export const problemExample = makeProblem("no_event_accepted", "None of the 1 events was accepted.", {
  errors: [{ path: "/0/user_id", code: "wrong_type", message: "must be a string" }],
  rejected: [
    { index: 0, event_id: purchase.event_id, path: "/user_id", code: "wrong_type", message: "must be a string" }
  ]
})

export const readinessExample: Readiness = {
  status: "ready",
  roles: ["ingest", "worker", "etl", "stats"],
  queue: { writable: true, durability: "fsync", events: 0, lost: 0 },
  store: { reachable: true },
  warehouse: { reachable: true, as_of: "2026-01-31T12:00:05Z", age_seconds: 0.4 },
  ledger: { lost: 0, difference: 0 }
}
