/** What the server is doing when the fault strikes. */
type Work = "send" | "close" | "roll" | "erase" | "restart"

/** One injected fault: what the n-th call of a kind on a file comes to. */
export interface CrashPoint {
  readonly work: Work
  /** A system call, or several of the same meaning. */
  readonly call: string
  readonly fault: "signal=KILL" | "error=EIO" | "error=ENOSPC" | "error=EMFILE" | "error=EACCES"
  /** As strace takes it: `3` is the third, `3+` the third and all after it. */
  readonly when: string
  /** Below the data folder; undefined for any file. */
  readonly path: string | undefined
}

const LOG = "log/log/00000000000000000001.log"
const LETTERS = "log/dead-letters/00000000000000000001.log"
const SPARE = "log/log/spare.new"
const LETTERS_SPARE = "log/dead-letters/spare.new"
const CHECKPOINT = "log/checkpoint.json.new"
const WAREHOUSE = "warehouse.duckdb"
const WAL = "warehouse.duckdb.wal"
const ERASURES = "log/erasures.json.new"

const RENAME = "rename,renameat,renameat2"
const UNLINK = "unlink,unlinkat"
const MKDIR = "mkdir,mkdirat"
const KILL = "signal=KILL"
const EIO = "error=EIO"
const ENOSPC = "error=ENOSPC"

const at = (
  work: Work,
  path: string | undefined,
  call: string,
  fault: CrashPoint["fault"],
  ...when: ReadonlyArray<number | string>
): ReadonlyArray<CrashPoint> => when.map((nth) => ({ work, path, call, fault, when: String(nth) }))

const sending = [
  ...at("send", LOG, "fdatasync", KILL, 1, 2, 3, 4, 5, 8, 12),
  ...at("send", LOG, "fdatasync", EIO, 1, 2, 3, 4, 6, 10, "5+"),
  ...at("send", LOG, "fdatasync", ENOSPC, 2, 7),
  ...at("send", LOG, "pwrite64", KILL, 1, 2, 3, 5, 8, 13, 20, 65, 67, 70),
  ...at("send", LOG, "pwrite64", EIO, 1, 2, 4, 7, 20, 66, 68),
  ...at("send", LOG, "pwrite64", ENOSPC, 2, 6, 67, 71),
  ...at("send", LETTERS, "fdatasync", KILL, 1, 2),
  ...at("send", LETTERS, "fdatasync", EIO, 1),
  ...at("send", CHECKPOINT, RENAME, KILL, 1, 2, 3),
  ...at("send", CHECKPOINT, RENAME, EIO, 1, 2, 3),
  ...at("send", CHECKPOINT, "fsync", KILL, 1, 2, 3),
  ...at("send", CHECKPOINT, "fsync", EIO, 2, 3),
  ...at("send", CHECKPOINT, "pwrite64", ENOSPC, 1, 2, 3),
  ...at("send", CHECKPOINT, "openat", "error=EMFILE", 3),
  ...at("send", CHECKPOINT, "openat", "error=EACCES", "2+"),
  ...at("send", "log", "fsync", KILL, 1, 2, 3, 4),
  ...at("send", "log", "fsync", EIO, 1, 2, 3),
  ...at("send", "log/log", "fsync", KILL, 1, 2),
  ...at("send", "log/log", "fsync", EIO, 1, 2),
  ...at("send", undefined, MKDIR, KILL, 1, 2, 3, 4, 5),
  ...at("send", undefined, MKDIR, ENOSPC, 1, 2, 3)
]

const warehouse = [
  ...at("send", WAL, "write", KILL, 1, 2, 4, 6, 8),
  ...at("send", WAL, "write", ENOSPC, 3, 5, "5+"),
  ...at("send", WAL, "write", EIO, 3, 5, 7),
  ...at("send", WAL, "fsync", KILL, 1, 2, 4, 6, 8),
  ...at("send", WAL, "fsync", EIO, 3, 5, "5+"),
  ...at("send", undefined, "pwrite64", KILL, 1, 2, 4, 6),
  ...at("send", WAREHOUSE, "pwrite64", KILL, 1, 2, 3),
  ...at("send", WAREHOUSE, "pwrite64", EIO, 1, 3),
  ...at("send", WAREHOUSE, "fsync", EIO, 1, 2),
  ...at("send", undefined, "writev", KILL, 1, 2, 3),
  ...at("send", undefined, "writev", ENOSPC, 1, 2),
  ...at("send", WAREHOUSE, RENAME, KILL, 1),
  ...at("send", WAREHOUSE, RENAME, EIO, 1),
  ...at("close", WAREHOUSE, "pwrite64", KILL, 1, 2, 3, 5, 8),
  ...at("close", WAREHOUSE, "pwrite64", ENOSPC, 4, 5, 6),
  ...at("close", WAREHOUSE, "fsync", KILL, 1, 2, 3),
  ...at("close", WAREHOUSE, "ftruncate", KILL, 1),
  ...at("close", WAL, UNLINK, KILL, 1),
  ...at("close", WAL, UNLINK, EIO, 1)
]

const rolling = [
  ...at("roll", SPARE, "pwrite64", KILL, 1, 10, 40),
  ...at("roll", SPARE, "pwrite64", ENOSPC, 1, 10, 40),
  ...at("roll", SPARE, "fdatasync", EIO, 1, 2),
  ...at("roll", SPARE, "fdatasync", KILL, 1, 2),
  ...at("roll", SPARE, RENAME, KILL, 1, 2),
  ...at("roll", SPARE, RENAME, EIO, 1, 2),
  ...at("roll", LOG, "ftruncate", KILL, 1),
  ...at("roll", LOG, "ftruncate", EIO, 1),
  ...at("roll", "log/log", "fsync", KILL, 2, 3),
  ...at("roll", "log/log", "fsync", EIO, 2, 3),
  ...at("roll", LOG, UNLINK, KILL, 1)
]

const REWRITTEN = `${LOG}.rewritten`
const erasing = [
  ...at("erase", ERASURES, RENAME, KILL, 1, 2),
  ...at("erase", ERASURES, RENAME, EIO, 1, 2),
  ...at("erase", REWRITTEN, RENAME, KILL, 1),
  ...at("erase", REWRITTEN, RENAME, EIO, 1),
  ...at("erase", REWRITTEN, "pwrite64", KILL, 1),
  ...at("erase", REWRITTEN, "pwrite64", ENOSPC, 1),
  ...at("erase", REWRITTEN, "fdatasync", EIO, 1),
  ...at("erase", REWRITTEN, "fdatasync", KILL, 1),
  ...at("erase", LOG, "ftruncate", KILL, 1),
  ...at("erase", WAREHOUSE, RENAME, KILL, 1, 2),
  ...at("erase", WAREHOUSE, RENAME, EIO, 1, 2)
]

const restarting = [
  ...at("restart", LOG, "fdatasync", KILL, 1, 2, 3),
  ...at("restart", LOG, "fdatasync", EIO, 1, 2, 3),
  ...at("restart", LOG, "pwrite64", KILL, 1, 2, 5, 30),
  ...at("restart", LOG, "pwrite64", ENOSPC, 1, 3),
  ...at("restart", LOG, "pread64", EIO, 1, 2),
  ...at("restart", LOG, "openat", EIO, 1, 2),
  ...at("restart", LETTERS_SPARE, UNLINK, EIO, 1),
  ...at("restart", undefined, UNLINK, KILL, 1, 2, 4),
  ...at("restart", undefined, UNLINK, "error=EACCES", 1),
  ...at("restart", "log/checkpoint.json", "read", EIO, 1),
  ...at("restart", WAREHOUSE, "pwrite64", KILL, 1, 2, 3),
  ...at("restart", WAREHOUSE, "openat", "error=EACCES", 1),
  ...at("restart", WAL, "fsync", KILL, 1, 2, 3),
  ...at("restart", "lock.db", "openat", EIO, 1),
  ...at("restart", "lock.db", "openat", KILL, 1)
]

export const crashPoints: ReadonlyArray<CrashPoint> = [...sending, ...warehouse, ...rolling, ...erasing, ...restarting]

export const describePoint = ({ call, fault, path, when, work }: CrashPoint): string =>
  `${work}: ${call.split(",")[0]} ${when} of ${path ?? "any file"}: ${fault}`
