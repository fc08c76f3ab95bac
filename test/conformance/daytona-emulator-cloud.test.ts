import { ofEverythingElse, runEmulatorConformance } from "../helpers/run-emulator-conformance.ts";

await runEmulatorConformance("cloud", ofEverythingElse);
