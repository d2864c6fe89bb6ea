/** `cluster status`: every server asked at once, and told in one. */

import { AppError, EXIT, STATUS_TIMEOUT_MS } from '@cloud-steg/protocol';
import { askCluster } from '../cluster/ask-cluster.ts';
import { clusterJson } from '../cluster/cluster-json.ts';
import { clusterPage } from '../cluster/cluster-page.ts';
import { type ClusterSnapshot, leaderOf } from '../cluster/snapshot.ts';
import { paint } from '../cluster/styled-text.ts';
import { takeSnapshot } from '../cluster/take-snapshot.ts';
import { type CommandModule, serverOption, userOption } from '../command.ts';
import type { UserFlags } from '../context.ts';

export const clusterStatusCommand: CommandModule = (group, runner) => {
  group
    .command('status')
    .description('leader, nodes with term, load and lag, last elections (exit 3 without a leader)')
    .addOption(userOption())
    .addOption(serverOption())
    .action(
      runner.run<UserFlags>(async (context, flags) => {
        const { shell, output, signal } = context;
        const { clusterKey, ask } = await askCluster(context, flags, STATUS_TIMEOUT_MS);
        const answers = await ask(signal);
        const snapshot = takeSnapshot(answers, shell.now(), { clusterKey });
        if (snapshot.leadership.kind === 'unreachable') throw nobodyOf(snapshot);
        if (output.style.json) output.print(clusterJson(snapshot), []);
        else {
          const { stdout } = shell;
          const columns = (stdout.isTty ? stdout.size?.()?.columns : undefined) ?? Infinity;
          const color = output.style.color && stdout.isTty;
          for (const line of clusterPage(snapshot, columns)) output.raw(`${paint(line, color)}\n`);
        }
        return leaderOf(snapshot) === null ? EXIT.noLeader : EXIT.ok;
      }),
    );
};

/** Nobody answered, or strangers only. */
function nobodyOf({ servers }: ClusterSnapshot): AppError {
  const strangers = servers.filter(({ state }) => state === 'another-cluster').map(({ url }) => url);
  if (strangers.length > 0) {
    return new AppError(
      'auth/wrong-cluster',
      `the servers at ${strangers.join(', ')} are not the cluster this user registered at`,
      { hint: 'name the right servers with --server, or register anew here under another --data-dir' },
    );
  }
  const tried = servers.map(({ url, reason }) => ({ url, reason }));
  const list = tried.map(({ url, reason }) => `${url} (${reason})`).join(', ');
  return new AppError('cluster/unreachable', `no discovery server answered: tried ${list}`, {
    data: { tried },
  });
}
