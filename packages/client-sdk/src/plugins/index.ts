export { autocapture } from "./autocapture.ts"
export { pageViews, type PageViewsOptions } from "./pageViews.ts"
export { sessions } from "./sessions.ts"
export { webVitals } from "./webVitals.ts"
