#!/usr/bin/env node
import { config } from "dotenv";
import { runCli } from "./run-cli.ts";

config({ quiet: true });
process.exitCode = await runCli(process.argv.slice(2));
