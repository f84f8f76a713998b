export * from "./calendar/bucket.ts"
export * from "./calendar/Calendar.ts"
export * from "./calendar/interval.ts"
export * from "./calendar/zone.ts"
