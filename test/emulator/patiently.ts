/** For conditions that are polled: a busy machine may take its time. */
export const patiently = { timeout: 15_000, interval: 20 };
