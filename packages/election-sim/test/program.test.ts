import { describe, expect, it } from 'vitest';
import { runProgram } from '../src/program.ts';

/** For machines that are busy with other things too. */
const TIMEOUT_MS = 120_000;

async function run(line: string) {
  const out: string[] = [];
  const err: string[] = [];
  const terminal = {
    print: (text: string) => out.push(text),
    say: (text: string) => err.push(text),
    now: () => 0,
  };
  const exitCode = await runProgram(line === '' ? [] : line.split(' '), terminal);
  return { exitCode, out: out.join('\n'), err: err.join('\n') };
}

describe('npm run sim', { timeout: TIMEOUT_MS }, () => {
  it('prints runs, events, faults by kind, terms, recovery times and violations', async () => {
    const { exitCode, out } = await run('--seeds 20 --from 5 --timings fast');
    expect(exitCode).toBe(0);
    expect(out).toMatch(/^runs +20 \(seeds 5 to 24, fast timings\)$/m);
    expect(out).toMatch(/^events +[0-9,]+$/m);
    expect(out).toMatch(/crash [0-9]+/);
    expect(out).toMatch(/^terms +[0-9,]+ with a leader$/m);
    expect(out).toMatch(/^recovery +p50 [0-9]+ ms, p99 [0-9]+ ms, max [0-9]+ ms$/m);
    expect(out).toMatch(/^violations +none$/m);
  });

  it('prints the same again for the same seeds', async () => {
    expect((await run('--seeds 5')).out).toBe((await run('--seeds 5')).out);
  });

  it('ends with 1 when a rule is broken, and names the command that shows it', async () => {
    const { exitCode, out } = await run('--seeds 10 --mutant no-voter-promise');
    expect(exitCode).toBe(1);
    expect(out).toMatch(
      /^seed ([0-9]+) breaks I2, leases never overlap: at [0-9.]+ ms, leases of n. and n. overlap$/m,
    );
    const command = /replay: npm run sim -- (.*)$/m.exec(out)?.[1] ?? '';
    expect(command).toMatch(/^--seed [0-9]+ --trace --mutant no-voter-promise$/);

    const replayed = await run(command);
    expect(replayed.exitCode).toBe(1);
    expect(replayed.out).toMatch(/ !! {2}I2 is broken: leases of n. and n. overlap$/m);
  });

  it('names the circumstances that were chosen too', async () => {
    const { out } = await run(
      '--seeds 40 --mutant no-voter-promise --size 3 --faults link,isolate --every 0.2',
    );
    expect(out).toMatch(
      /replay: npm run sim -- --seed [0-9]+ --trace --mutant no-voter-promise --size 3 --faults link,isolate --every 0.2$/m,
    );
  });

  it('shows one run step by step: time, node, what came in, what it led to, and faults', async () => {
    const { exitCode, out } = await run('--seed 5 --trace --timings fast --size 3 --faults crash,isolate');
    expect(exitCode).toBe(0);
    expect(out).toMatch(/^ +[0-9.]+ {2}n1 {2}starts as process n1\/1, nothing on disk, store at term 0$/m);
    expect(out).toMatch(
      /^ +[0-9.]+ {2}n[123] {2}from n[123]: Vote term 1, none released\n +persist term 1, vote n[123]\n/m,
    );
    expect(out).toMatch(/^ +becomes leader in term 1 \(majority\)$/m);
    expect(out).toMatch(/^ +[0-9.]+ {2}\*\* {2}(crash|isolate): n[123]/m);
    expect(out).toMatch(/^ +[0-9.]+ {2}\*\* {2}all is healed$/m);
    expect(out).toMatch(/^events +[0-9,]+, hash [0-9a-f]{8}$/m);
    expect(out).toMatch(/^violations +none$/m);
  });

  it('measures failovers', async () => {
    const { exitCode, out } = await run('--failover --crashes 20 --timings fast');
    expect(exitCode).toBe(0);
    expect(out).toMatch(/^fast +silent host +[0-9.]+ +[0-9.]+ +[0-9.]+ +[0-9.]+ +[0-9]+ %$/m);
    expect(out).toMatch(/^fast +process ended /m);
    expect(out).toMatch(/^fast, 2 % loss +silent host /m);
    expect(out).toMatch(/^fast, random timers +silent host /m);
    expect(out).not.toMatch(/^default/m);
  });

  it('says what can be typed', async () => {
    const { exitCode, out } = await run('--help');
    expect(exitCode).toBe(0);
    for (const word of ['--seeds', '--failover', 'torn-write', 'no-boot-wait']) expect(out).toContain(word);
  });

  it.each([
    ['--seeds 0', '--seeds "0": expected a whole number from 1 to 1000000000'],
    ['--seeds', "option '--seeds <value>' argument missing"],
    ['--seeds 1e3', '--seeds "1e3": expected a whole number'],
    ['--seed 1 --from 2', '--from: has no meaning beside --seed'],
    ['--failover --mutant no-fence', '--mutant: has no meaning beside --failover'],
    ['--crashes 5', '--crashes: belongs to --failover'],
    ['--trace', '--trace: shows one run'],
    ['--timings slow', '--timings "slow": there are default and fast'],
    ['--size 8', '--size "8": expected a whole number from 1 to 7'],
    ['--workers 99', '--workers "99": expected a whole number from 1 to 16'],
    ['--every 0', '--every "0": expected longest election timeouts'],
    ['--every soon', '--every "soon": expected longest election timeouts'],
    ['--faults crash,flood', '--faults "flood": no such fault'],
    ['--mutant perfect', '--mutant "perfect": no such mutant'],
    ['--sedes 5', "unknown option '--sedes'"],
    ['5', "unexpected argument '5'"],
  ])('ends with 2 and says what is wrong: %s', async (line, message) => {
    const { exitCode, out, err } = await run(line);
    expect({ exitCode, out }).toEqual({ exitCode: 2, out: '' });
    expect(err).toContain(`error: ${message}`);
  });
});
