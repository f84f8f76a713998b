export interface Row {
  readonly user: string
  readonly type: string
  readonly millis: number
}
export declare const readCdnow: (text: string) => ReadonlyArray<Row>
export declare const readCollege: (text: string) => ReadonlyArray<Row>
export declare const readEcom: (text: string) => ReadonlyArray<Row>
export declare const dailyUsers: (
  rows: ReadonlyArray<Row>,
  from: string,
  to: string
) => ReadonlyArray<readonly [string, number]>
export declare const topTypes: (rows: ReadonlyArray<Row>) => ReadonlyArray<readonly [string, number, number]>
export declare const weeklyRetention: (
  rows: ReadonlyArray<Row>,
  windows: number
) => ReadonlyArray<readonly [string, number, ReadonlyArray<number>]>
export declare const monthlyLifecycle: (
  rows: ReadonlyArray<Row>
) => ReadonlyArray<readonly [string, number, number, number, number]>
export declare const monthlyStickiness: (rows: ReadonlyArray<Row>) => ReadonlyArray<number>
export declare const threeTimes: (
  rows: ReadonlyArray<Row>,
  days: number
) => ReadonlyArray<readonly [number, number | null, number | null]>
