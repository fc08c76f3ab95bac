/** Whether everything is tried, as `npm run test:stress` asks, and not only what a change needs to know. */
export const isLongRun = process.env.SANDBOX_BACKEND_STRESS === "1";
