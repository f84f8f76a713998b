import { Schema } from "effect"
import { parseInstant } from "./instant.ts"
import {
  checkEventId,
  checkEventType,
  checkProperties,
  checkUserId,
  EVENT_TYPE_MAX_CHARACTERS,
  isPlainObject,
  type Problem,
  USER_ID_MAX_CHARACTERS
} from "./rules.ts"

/** `document`: what the OpenAPI document says of the rule. */
const rule = (check: (value: string) => Problem | undefined, document: Record<string, string | number>) =>
  Schema.String.check(Schema.makeFilter((value: string) => check(value)?.message, { toJsonSchema: () => document }))

export const checkOccurredAt = (value: string): Problem | undefined =>
  parseInstant(value) === undefined
    ? {
        code: "invalid_date_time",
        message: "must be an RFC 3339 date-time with an offset, between 1970 and 2100, like 2026-01-31T12:00:00Z"
      }
    : undefined

/** Without this the schema's JSON form is any value at all, and the document says nothing of it. */
const alreadyJson = () => undefined

/**
 * A plain-object check that neither copies nor rebuilds the value: `Schema.Record` would copy every event.
 */
const Properties = Schema.declare(isPlainObject, { toCodecJson: alreadyJson }).check(
  Schema.makeFilter((value: Record<string, unknown>) => checkProperties(value)?.message, {
    toJsonSchema: () => ({
      type: "object",
      additionalProperties: true,
      description: "Any JSON object: at most 32 levels deep and 64 KiB encoded."
    })
  })
)

/** What a client sends for one event (docs/http-api.md, "What an event must be"). */
export const EventInput = Schema.Struct({
  event_id: rule(checkEventId, { format: "uuid", description: "Identity of the event within its project." }),
  occurred_at: rule(checkOccurredAt, { format: "date-time", description: "When it happened, by the client's clock." }),
  user_id: rule(checkUserId, { minLength: 1, maxLength: USER_ID_MAX_CHARACTERS }),
  event_type: rule(checkEventType, { minLength: 1, maxLength: EVENT_TYPE_MAX_CHARACTERS }),
  properties: Schema.optionalKey(Properties)
}).annotate({ identifier: "EventInput" })

export type EventInput = typeof EventInput.Type
