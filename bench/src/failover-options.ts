import { parseArgs } from 'node:util';
import { TIMINGS, type TimingsName } from './failover-cluster.ts';
import { FAULTS, type Fault } from './failover-trial.ts';

export const USAGE = `usage: npm run bench:failover -- [options]

  --runs N          trials of each kind (30)
  --timings NAME    default, fast or both (both)
  --signal LIST     any of ${FAULTS.join(', ')}; with commas between (all of them)
  --idlest          instead: how often the idlest follower is chosen, and how a busy leader hands over
  --json FILE       writes every trial's figures there, too
`;
const RUNS_MAX = 10_000;

export interface FailoverOptions {
  readonly runs: number;
  readonly timings: readonly TimingsName[];
  readonly faults: readonly Fault[];
  readonly idlest: boolean;
  readonly jsonFile: string | undefined;
}

/** Throws what is wrong, in words. */
export function readOptions(args: readonly string[]): FailoverOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      runs: { type: 'string', default: '30' },
      timings: { type: 'string', default: 'both' },
      signal: { type: 'string', default: FAULTS.join(',') },
      idlest: { type: 'boolean', default: false },
      json: { type: 'string' },
    },
  });
  const runs = Number(values.runs);
  if (!Number.isInteger(runs) || runs < 1 || runs > RUNS_MAX) {
    throw new Error(`--runs: expected a whole number from 1 to ${RUNS_MAX}, not ${values.runs}`);
  }
  const both = values.timings === 'both';
  return {
    runs,
    timings: both
      ? ['default', 'fast']
      : [oneOf('--timings', Object.keys(TIMINGS) as TimingsName[], values.timings)],
    faults: values.signal.split(',').map((name) => oneOf('--signal', FAULTS, name)),
    idlest: values.idlest,
    jsonFile: values.json,
  };
}

function oneOf<T extends string>(option: string, known: readonly T[], wanted: string): T {
  const found = known.find((name) => name === wanted);
  if (found === undefined) throw new Error(`${option}: expected one of ${known.join(', ')}, not ${wanted}`);
  return found;
}
