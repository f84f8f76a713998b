export { breakdownColumns } from "./columns.ts"
export { groupCounts, groupEvents, groupRows, type Groups, wholeOf, withUserValues } from "./groups.ts"
export { eachValue, groupByValue, partsOf, userValues, usersAmong } from "./reference.ts"
export { rowsOfEach, shapeEach } from "./shape.ts"
export {
  breakdownKey,
  breakdownOf,
  BreakdownValue,
  type WithBreakdown,
  NONE,
  OTHER,
  type WithBreakdownValue,
  type WithoutBreakdown
} from "./values.ts"
