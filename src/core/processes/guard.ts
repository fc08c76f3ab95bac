/** Runs a method of a process: what it throws says which method it was, of which sandbox, and shows no secret. */
export type Guard = <Value>(operation: string, run: () => Promise<Value>) => Promise<Value>;
