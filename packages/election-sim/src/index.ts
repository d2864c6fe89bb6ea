export { RULES, type Rule } from './checker.ts';
export { FAULT_NAMES, type FaultName } from './faults/faults.ts';
export { type RunReport, runScenario, type ScenarioOptions, type Violation } from './scenario.ts';
