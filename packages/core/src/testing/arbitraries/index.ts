export * from "./filters.ts"
export * from "./history.ts"
export * from "./moments.ts"
export * from "./questions.ts"
