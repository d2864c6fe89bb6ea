/**
 * The cluster across machines, as far as one machine can play them: three network namespaces behind a switch, each
 * with one server. The disk is shared, as the embedded store demands. For root, with Linux's `ip` command.
 */

import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { programFile, type Running, Sandbox, until } from '../e2e/sandbox.ts';

const CONFIG = `
this_node = "10.77.0.1:5001"
peers = ["10.77.0.2:5001", "10.77.0.3:5001"]
heartbeat_interval_ms = 300
election_timeout_min_ms = 900
election_timeout_max_ms = 2000
net_timeout_ms = 500
election_retry_ms = 300
`;

const sandbox = new Sandbox();
/** Namespaces of this run, so that two runs don't meet. */
const space = `steg${process.pid}`;
const lan = `${space}-lan`;

const ip = (...args: string[]) => execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });

/** One server in a namespace of its own, with a cable to the switch. */
class Machine {
  readonly node: string;
  readonly #host: string;
  readonly #namespace: string;
  readonly #port: string;
  #server: Running | undefined;
  #readUpTo = 0;

  constructor(number: number) {
    this.#host = `10.77.0.${number}`;
    this.node = `${this.#host}:5001`;
    this.#namespace = `${space}-${number}`;
    this.#port = `port${number}`;
  }

  build(): void {
    ip('netns', 'add', this.#namespace);
    ip(
      '-n',
      this.#namespace,
      'link',
      'add',
      'eth0',
      'type',
      'veth',
      'peer',
      'name',
      this.#port,
      'netns',
      lan,
    );
    ip('-n', lan, 'link', 'set', this.#port, 'master', 'switch', 'up');
    ip('-n', this.#namespace, 'addr', 'add', `${this.#host}/24`, 'dev', 'eth0');
    for (const device of ['eth0', 'lo']) ip('-n', this.#namespace, 'link', 'set', device, 'up');
  }

  demolish(): void {
    ip('netns', 'del', this.#namespace);
  }

  plug(state: 'up' | 'down'): void {
    ip('-n', lan, 'link', 'set', this.#port, state);
  }

  start(config: string): void {
    const args = ['--config', config, '--this-node', this.node, '--json'];
    const command = [
      'netns',
      'exec',
      this.#namespace,
      process.execPath,
      programFile('p2p-discovery-server'),
      ...args,
    ];
    this.#readUpTo = 0;
    this.#server = sandbox.startCommand('ip', command, {
      PORT: '8000',
      HOST: this.#host,
      DATA_DIR: sandbox.path('servers', 'x', '..'),
    });
  }

  async kill(): Promise<void> {
    await this.#server?.end('SIGKILL');
  }

  /** From here on, only what is logged later counts. */
  forget(): void {
    this.#readUpTo = this.#server?.output.length ?? 0;
  }

  /** Whether it has logged such a line. */
  says(line: string): boolean {
    return this.log.includes(line);
  }

  get log(): string {
    return this.#server?.output.slice(this.#readUpTo) ?? '';
  }
}

const machines = [1, 2, 3].map((number) => new Machine(number));
const LEADS = '"event":"leading"';
const LEADERLESS = '"event":"no-leader"';
const follows = ({ node }: Machine) => `"event":"following","leader":"${node}"`;

/** The one of `among` that says that it leads. */
async function leaderAmong(among: readonly Machine[]): Promise<Machine> {
  const leaders = () => among.filter((machine) => machine.says(LEADS));
  await until('a leader', () => leaders().length > 0).catch((error: Error) => {
    throw new Error(`${error.message}\n${machines.map(({ node, log }) => `${node}:\n${log}`).join('\n')}`);
  });
  const [leader, second] = leaders();
  if (!leader || second) throw new Error(`${leader?.node} and ${second?.node} lead`);
  return leader;
}

const others = (machine: Machine) => machines.filter((each) => each !== machine);
const forgetAll = () => machines.forEach((machine) => machine.forget());

describe('three machines', () => {
  let config: string;
  let leader: Machine;

  beforeAll(() => {
    config = sandbox.write('cluster.toml', CONFIG);
    ip('netns', 'add', lan);
    ip('-n', lan, 'link', 'add', 'switch', 'type', 'bridge');
    ip('-n', lan, 'link', 'set', 'switch', 'up');
    for (const machine of machines) machine.build();
  });
  afterAll(async () => {
    await sandbox.close();
    const demolish = [...machines.map((machine) => () => machine.demolish()), () => ip('netns', 'del', lan)];
    for (const step of demolish) {
      try {
        step();
      } catch {
        // It was never built.
      }
    }
  });

  it('elect a leader, whom the others follow', async () => {
    for (const machine of machines) machine.start(config);
    leader = await leaderAmong(machines);
    for (const other of others(leader)) await until('it to follow', () => other.says(follows(leader)));
  });

  it('elect another when it is killed, which it follows when it is back', async () => {
    forgetAll();
    await leader.kill();
    const next = await leaderAmong(others(leader));
    leader.start(config);
    await until('it to follow', () => leader.says(follows(next)));
    leader = next;
  });

  it('elect another when its cable is cut, and it steps down', async () => {
    forgetAll();
    leader.plug('down');
    const next = await leaderAmong(others(leader));
    await until('it to step down', () => leader.says(LEADERLESS));
    expect(leader.says(LEADS)).toBe(false);
    const cutOff = leader;
    leader = next;
    forgetAll();
    cutOff.plug('up');
    await until('it to follow', () => cutOff.says(follows(next)));
  });
});
