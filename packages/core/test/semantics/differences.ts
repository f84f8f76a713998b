/** Differences that no published case shows in numbers. */
export const DIFFERENCES: ReadonlyArray<readonly [product: string, there: string, here: string]> = [
  [
    "PostHog funnel",
    "a later entry replaces an earlier one",
    "the earliest of the deepest attempts; the published cases give the same numbers"
  ],
  [
    "PostHog paths",
    "names carry their position, repeated names are one",
    "transitions without position, repetitions count"
  ],
  ["PostHog weeks", "begin on Sunday", "`week_start=monday` unless asked"],
  ["PostHog stickiness", "hours, and several days as one interval", "day, week, month"],
  [
    "PostHog retention by hour (`test_hour_interval`)",
    "12 events of two people: row 0 is 2, 2, 2, 0, 1, 2, 1, 0, 1, 0, 1",
    "day, week and month; `interval=hour` is refused with 422. The same events a month apart give the same row (`test_month_interval`)"
  ],
  [
    "PostHog retention",
    "`recurring` is the default; cells that have not begun are 0",
    "`mode=first-ever` unless asked; such cells are 0 and not `complete`"
  ],
  [
    "PostHog trends, formulas (`test_formula.py`)",
    "A − B: 600, 450; A × B: 270,000, 405,000",
    "no formulas: each sum is an answer of its own"
  ],
  ["OpenPanel `strict_increase`", "equal timestamps are never in order", "they are"],
  [
    "Amplitude, Mixpanel retention",
    "24 h windows (Amplitude: floored to the hour)",
    "calendar intervals; `bucket=rolling` for windows, to the microsecond"
  ],
  ["Mixpanel retention", "cell 0: who did it again within 0–24 h", "cell 0 is the cohort's size"],
  ["Amplitude stickiness", "exactly or at least N days", "both: `users` and `at_least`"],
  ["Plausible funnel", "no step twice, at most 8", "2–20 steps, repetitions allowed"]
]
