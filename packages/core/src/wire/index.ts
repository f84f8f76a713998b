export { Access, accessOf, ApiKeySecurity, type EndpointAccess } from "./access.ts"
export { Credentials, RefreshToken, SessionAnswer } from "./auth.ts"
export { Contract } from "./Contract.ts"
export { BackupAnswer, BackupOrder } from "./backups.ts"
export {
  makeProblem,
  Problem,
  type ProblemCode,
  problemCode,
  ProblemItem,
  PROBLEMS,
  type ProblemStatus,
  Rejected
} from "./Problem.ts"
export { ErasureReceiptAnswer } from "./receipt.ts"
export { UnderWay } from "./UnderWay.ts"
export {
  Affected,
  BatchAnswer,
  DeadLetterAnswer,
  DeadLetterIds,
  DeadLetterPage,
  Envelope,
  LedgerAnswer,
  Readiness
} from "./schemas.ts"
