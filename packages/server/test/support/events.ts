import { randomUUID } from "node:crypto"

/** Valid in every field; `over` replaces some. */
export const event = (over: Record<string, unknown> = {}): Record<string, unknown> => ({
  event_id: randomUUID(),
  occurred_at: "2026-01-31T12:00:00Z",
  user_id: "user",
  event_type: "visit",
  properties: { page: "/" },
  ...over
})
