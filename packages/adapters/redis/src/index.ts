import { limiter } from "./limiter.ts"

export type { RedisOptions } from "./config.ts"

/** `Redis.limiter({ url })`: token buckets that several instances share. */
export const Redis = { limiter }
